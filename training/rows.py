"""The rows of a saved dataset, written one after the other and read where they lie: a million cost what one costs.

data.json is a JSON array with one row a line; labels.tsv holds each row's kind and language, which the trainer does not
want to see. What a row says is not judged here.
"""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, overload

from training.errors import UserError
from training.files import read_json, writing
from training.identity import Row
from training.language import language_of
from training.tally import Summary, Tally

_ROW = b'{"messages": [{"role": "'


@contextmanager
def writer(folder: Path) -> Iterator[Writer]:
    """Writes the rows of one dataset folder; they are there when the block ends well, and not before.

    Raises UserError (dataset_empty, disk_full, not_writable).
    """
    with writing(folder / "labels.tsv") as labels, writing(folder / "data.json") as data:
        made = Writer(labels, data)
        yield made
        made.finish()


class Writer:
    """Takes one row after the other; see `writer`."""

    def __init__(self, labels: TextIO, data: TextIO) -> None:
        self._labels, self._data = labels, data
        self._tally = Tally()
        self._hash = hashlib.sha256()
        self.rows = 0

    def add(self, row: Row) -> None:
        """Write one row."""
        text = json.dumps({"messages": list(row.messages)}, ensure_ascii=False)
        self._write((",\n" if self.rows else "[\n") + text)
        self._labels.write(f"{row.kind}\t{row.language}\n")
        self._tally.add(row)
        self.rows += 1

    def finish(self) -> None:
        if not self.rows:
            raise UserError("dataset_empty")
        self._write("\n]\n")

    def _write(self, text: str) -> None:
        self._data.write(text)
        self._hash.update(text.encode("utf-8"))

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def summary(self) -> Summary:
        return self._tally.summary()


class Rows(Sequence[Row]):
    """The rows of a dataset folder. Only their places are kept in memory, 9 bytes a row.

    A data.json that was not written here is read whole instead; raises ValueError when that is not possible.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "data.json"
        self._starts = _starts(self._file)
        self._foreign = [] if self._starts else _foreign(self._file)
        self._labels, self._label = _labels(folder / "labels.tsv", len(self))

    def __len__(self) -> int:
        return len(self._foreign) or len(self._starts)

    @overload
    def __getitem__(self, at: int) -> Row: ...

    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...

    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        if isinstance(at, slice):
            return list(self.at(range(len(self))[at]))
        return next(self.at([range(len(self))[at]]))

    def __iter__(self) -> Iterator[Row]:
        return self.at(range(len(self)))

    def at(self, places: Sequence[int]) -> Iterator[Row]:
        """The rows at these places, in this order, one at a time."""
        if self._foreign:
            yield from (self._row(self._foreign[place], place) for place in places)
            return
        with self._file.open("rb") as file:
            for place in places:
                if file.tell() != self._starts[place]:
                    file.seek(self._starts[place])
                yield self._row(json.loads(file.readline().rstrip(b",\n")), place)

    def label(self, place: int) -> tuple[str, str]:
        """Kind and language of the row at `place`, without reading it; empty when nobody wrote them down."""
        return self._label[self._labels[place]] if self._label else ("", "")

    def where(self, kind: str, language: str | None = None) -> Iterator[int]:
        """The places of the rows of one kind (and language), without reading them."""
        wanted = {n for n, label in enumerate(self._label) if label[0] == kind and language in (None, label[1])}
        return (place for place, number in enumerate(self._labels if wanted else ()) if number in wanted)

    def _row(self, value: dict[str, Any], place: int) -> Row:
        messages = tuple(value["messages"])
        return Row(messages, *(self.label(place) if self._label else ("", language_of(messages))))


def write_lines(file: Path, target: Path) -> bool:
    """Write the rows of a data.json as JSON lines, which a trainer's reader takes in pieces; False if it is not ours.

    A list is read whole by the datasets library, and takes nine times its size in memory.
    """
    if not _starts(file):
        return False
    with file.open(encoding="utf-8", newline="\n") as lines, writing(target) as made:
        for line in lines:
            if line.startswith("{"):
                made.write(line.rstrip(",\n") + "\n")
    return True


def _starts(file: Path) -> array[int]:
    """Where each row of a data.json begins that was written here; nothing for any other file."""
    starts, place, line = array("Q"), 0, b""
    with file.open("rb") as lines:
        for number, line in enumerate(lines):
            if line.startswith(_ROW):
                starts.append(place)
            elif line not in (b"[\n", b"]\n") or (number == 0) != (line == b"[\n"):
                return array("Q")
            place += len(line)
    return starts if line == b"]\n" else array("Q")


def _foreign(file: Path) -> list[dict[str, Any]]:
    found = read_json(file)
    whole = isinstance(found, list) and all(isinstance(row, dict) and _said(row.get("messages")) for row in found)
    if not whole or not found:
        raise ValueError('data.json: [{"messages": [{"role": ..., "content": ...}]}, ...]')
    return found


def _said(messages: Any) -> bool:
    return isinstance(messages, list) and all(
        isinstance(each, dict) and isinstance(each.get("role"), str) and isinstance(each.get("content"), str)
        for each in messages
    )


def _labels(file: Path, rows: int) -> tuple[array[int], list[tuple[str, str]]]:
    """One small number a row, and what each number means; nothing when the file does not fit the rows."""
    numbers, known = array("B"), dict[str, int]()
    if file.is_file():
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                numbers.append(known.setdefault(line, len(known) % 256))
    pairs = [(kind, language) for kind, _, language in (line.rstrip("\n").partition("\t") for line in known)]
    return (numbers, pairs) if len(numbers) == rows and len(pairs) < 256 else (array("B"), [])
