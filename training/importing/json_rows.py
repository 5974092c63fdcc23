"""Rows out of JSON of any size: a list, objects one after the other, a list inside an object, or one object a line.

One element is in memory at a time. After a broken element reading goes on at the next one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from training.errors import UserError
from training.importing.kinds import TURNS
from training.importing.problems import RowProblem

Found = tuple[int, Any]
"""A row's number, and its value or a RowProblem."""
_LARGEST = 16 << 20
"""Characters of one row."""
_SEEN = 1 << 16
_GAP = re.compile(r"[\s,]*")
_FIRST_KEY = re.compile(r'\{\s*"((?:[^"\\]|\\.)*)"\s*:')
_WRAPPED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*\[\s*(?=[\[{])')
_SCALAR = r'(?:"(?:[^"\\]|\\.)*"|[-+.\w]+|\{[^{}]*\}|\[[^\[\]{}]*\])'
_BEFORE = re.compile(rf'\s*(?:"(?:[^"\\]|\\.)*"\s*:\s*{_SCALAR}\s*,\s*)*')


def lines(numbered: Iterable[tuple[int, str | RowProblem]]) -> Iterator[Found]:
    """One row a line; the number is the line's."""
    for number, line in numbered:
        if isinstance(line, RowProblem):
            yield number, line
            continue
        text = line.strip().rstrip(",")
        if text and text not in ("[", "]"):
            try:
                yield number, json.loads(text)
            except (ValueError, RecursionError) as error:
                yield number, _problem(error)


def elements(blocks: Iterator[str]) -> Iterator[Found]:
    """The rows of a text that comes in blocks; numbered from 1."""
    reader = _Reader(blocks)
    yield from reader.rows()


class _Reader:
    def __init__(self, blocks: Iterator[str]) -> None:
        self._blocks = blocks
        self._text, self._at, self._whole = "", 0, False
        self._decode = json.JSONDecoder().raw_decode
        self._key = ""

    def rows(self) -> Iterator[Found]:
        listed = self._enter()
        number = 0
        while self._skip_gap():
            if self._text[self._at] == "]" and listed:
                return
            number += 1
            yield number, self._element()

    def _more(self) -> bool:
        """Read one block on; False at the end of the file."""
        block = next(self._blocks, None)
        if block is None:
            self._whole = True
            return False
        self._text, self._at = self._text[self._at :] + block, 0
        return True

    def _enter(self) -> bool:
        """Go to the first row. Returns whether the rows stand in a list."""
        self._more()
        self._at = len(self._text) - len(self._text.lstrip())
        if self._text[self._at] == "[":
            self._at += 1
            return True
        found = _WRAPPED.match(self._text, _BEFORE.match(self._text, self._at + 1).end())  # type: ignore[union-attr]
        if found and found.group(1).lower() not in TURNS:
            self._at = found.end()
            return True
        return False

    def _skip_gap(self) -> bool:
        while True:
            self._at = _GAP.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return True
            if not self._more():
                return False

    def _element(self) -> Any:
        while True:
            try:
                value, self._at = self._decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or error.pos >= len(self._text) - 12
                if cut and not self._whole and len(self._text) - self._at < _LARGEST and self._more():
                    continue
                return self._skipped(error)
            except (ValueError, RecursionError) as error:
                return self._skipped(error)
            if not self._key and isinstance(value, dict) and value:
                self._key = next(iter(value))
            return value

    def _skipped(self, error: Exception) -> RowProblem:
        """Go on at the next row that begins like the others."""
        begin = _FIRST_KEY.match(self._text, self._at)
        key = self._key or (json.loads(f'"{begin.group(1)}"') if begin else "")
        again = re.compile(r"\{\s*" + re.escape(json.dumps(key, ensure_ascii=False)) + r"\s*:" if key else r"\{\s*\"")
        start = self._at + 1
        while not (found := again.search(self._text, start)):
            self._at = max(self._at + 1, len(self._text) - 1000)  # what was read stays searchable over the seam
            if not self._more():
                self._at = len(self._text)
                return _problem(error)
            start = 0
        self._at = found.start()
        if self._at > _SEEN:  # to tell its line, every error counts through all that is before it
            self._text, self._at = self._text[self._at :], 0
        return _problem(error)


def _problem(error: Exception) -> RowProblem:
    if isinstance(error, json.JSONDecodeError):
        near = error.doc[max(0, error.pos - 15) : error.pos + 15].replace("\n", " ")
        return RowProblem("json", reason=error.msg, near=near)
    return RowProblem("json_nested" if isinstance(error, RecursionError) else "json_number")


def refuse_other_shapes(head: str, name: str) -> None:
    """Raises UserError(import_json_shape) for JSON that holds no rows: a text, a number, a list of numbers."""
    text = head.lstrip("\ufeff \t\r\n")
    if not text.startswith(("[", "{")) or re.match(r"\[\s*(?:[-\d\"tfn]|\]\s*$)", text):
        raise UserError("import_json_shape", file=name)
