"""How many tokens a dataset has for a model: with the model's tokenizer, estimated while it is not here yet.

A big set is measured by rows that are spread evenly over it, so that a million rows take seconds.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from training import dataset, models
from training.errors import UserError
from training.identity import Row

TURN, OPENING, SYSTEM = 11, 9, 5
"""Tokens of the chat markup around a question and its answer, of that before the answer, and around a system prompt:
ChatML with the starter's tokenizer. Others need as many, or one or two less.
"""
_READ = 2_000_000
"""Bytes of rows that are measured: two or three seconds on one core."""
_AT_ONCE = 512

Lengths = Callable[[Sequence[str]], list[int]]


@dataclass(frozen=True)
class Measured:
    """How long the rows of a dataset are for a model."""

    lengths: dict[int, int]
    """Tokens of a row: how many of the measured rows are so long."""
    share: float
    """Share of the rows that were measured; the numbers below are for all."""
    exact: bool
    """Every row was measured, and with the model's own tokenizer."""
    openings: dict[int, int] = field(default_factory=dict)
    """Tokens before a row's first answer: how many of the measured rows have so many."""

    @property
    def tokens(self) -> int:
        """Tokens of one pass over all rows."""
        return round(sum(length * rows for length, rows in self.lengths.items()) / self.share)

    @property
    def rows(self) -> int:
        return round(sum(self.lengths.values()) / self.share)

    @property
    def longest(self) -> int:
        return max(self.lengths)

    def longer(self, limit: int) -> int:
        """Rows that have more tokens than `limit`."""
        return round(sum(rows for length, rows in self.lengths.items() if length > limit) / self.share)

    def mute(self, limit: int) -> int:
        """Rows of which nothing is left to learn when they are cut to `limit` tokens: no answer begins before."""
        return round(sum(rows for length, rows in self.openings.items() if length >= limit) / self.share)


def measure(name: str, model: str) -> Measured:
    """How long the rows of dataset `name` are for `model`. Raises UserError(dataset_missing, dataset_broken)."""
    return _measure(name, dataset.path(name).stat().st_mtime_ns, *_tokenizer_file(model))


def measure_rows(rows: Sequence[Row], model: str) -> Measured:
    """How long these rows are for `model`."""
    lengths, openings = _row_lengths(iter(rows), *_tokenizer_file(model))
    return Measured(lengths, 1.0, bool(_tokenizer_file(model)[1]), openings)


def _tokenizer_file(model: str) -> tuple[Path, int]:
    """The model's tokenizer, and when it changed; 0 while it is not here."""
    file = models.place(model) / "tokenizer.json"
    return file, file.stat().st_mtime_ns if file.is_file() else 0


@lru_cache(maxsize=32)
def _measure(name: str, _changed: int, file: Path, found: int) -> Measured:
    rows = dataset.load(name)
    step = max(1, -(-dataset.path(name).stat().st_size // _READ))
    places = range(0, len(rows), step)
    lengths, openings = _row_lengths(rows.at(places), file, found)
    return Measured(lengths, len(places) / len(rows), bool(found) and step == 1, openings)


def _row_lengths(rows: Iterator[Row], file: Path, found: int) -> tuple[dict[int, int], dict[int, int]]:
    """How many rows are so long, and how many have so much before their first answer."""
    lengths, openings = Counter[int](), Counter[int]()
    lengths_of = _tokenizer(file, found) if found else _estimates
    while some := list(itertools.islice(rows, _AT_ONCE)):
        each = iter(lengths_of([message["content"] for row in some for message in row.messages]))
        for row in some:
            told = [next(each) for _ in row.messages]
            before = next((n for n, message in enumerate(row.messages) if message["role"] == "assistant"), len(told))
            roles = Counter(message["role"] for message in row.messages)
            lengths[sum(told) + TURN * roles["assistant"] + SYSTEM * roles["system"]] += 1
            openings[sum(told[:before]) + OPENING + SYSTEM * roles["system"]] += 1
    return dict(lengths), dict(openings)


@lru_cache(maxsize=4)
def _tokenizer(file: Path, _changed: int) -> Lengths:
    from tokenizers import Tokenizer  # light, but not needed to show the page

    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing more exact
        raise UserError("model_incomplete", path=file.parent, missing=file.name) from error
    return lambda texts: [len(each.ids) for each in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


def _estimates(texts: Sequence[str]) -> list[int]:
    # Measured with the starter's tokenizer: about 4 letters a token in English, 1.7 tokens a Chinese character.
    wides = [sum(character > "\u2e7f" for character in text) for text in texts]
    return [round(wide * 1.7 + (len(text) - wide) / 4) for text, wide in zip(texts, wides)]
