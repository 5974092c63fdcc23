"""Rows out of JSON of any size: a list, objects one after the other, lists inside an object, or one object a line.

Several of these may follow each other, as in files that were put together. One element is in memory at a time. After a
broken element reading goes on at the next one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from training.errors import UserError
from training.importing.formats import TURNS, is_row
from training.importing.problems import RowProblem

Found = tuple[int, Any]
"""A row's number, and its value or a RowProblem."""
_LARGEST = 16 << 20
"""Characters of one row."""
_SEEN = 1 << 16
_AHEAD = 1 << 16
"""Characters that are looked at to tell whether a row begins, or something around rows."""
_SEAM = 1000
"""Characters in which a mark can be cut in two by the end of a block."""
_GAP = re.compile(r"[\s,]*")
_FIRST_KEY = re.compile(r'\{\s*"((?:[^"\\]|\\.)*)"\s*:')
_WRAPPED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*\[\s*(?=[\[{])')
_SCALAR = r'(?:"(?:[^"\\]|\\.)*"|[-+.\w]+|\{[^{}]*\}|\[[^\[\]{}]*\])'
_KEY = re.compile(r'"(?:[^"\\]|\\.)*"\s*:\s*')
_PAIR = re.compile(rf"{_KEY.pattern}{_SCALAR}(?=\s*[,}}])")
_BEFORE = re.compile(rf"\s*(?:{_PAIR.pattern}\s*,\s*)*")
_ENDS = r'\}\s*,?\s*(?=\{\s*")|\]\s*,\s*(?=\[)|[\]}]\s*(?=\])'
"""The end of one row, where the next one or the end of the list follows."""


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
    """The rows of a text that comes in blocks; numbered from 1. That it is cut off between two of them is a problem."""
    reader = _Reader(blocks)
    yield from reader.rows()


class _Reader:
    def __init__(self, blocks: Iterator[str]) -> None:
        self._blocks = blocks
        self._text, self._at, self._whole = "", 0, False
        self._decode = json.JSONDecoder().raw_decode
        self._key = ""
        self._listed = self._wrapped = False
        """Whether the rows that come next stand in a list, and whether that stands in an object."""

    def rows(self) -> Iterator[Found]:
        number, found = 0, None
        while self._skip_gap():
            if self._listed and self._text[self._at] == "]":
                self._at, self._listed = self._at + 1, False
            elif self._listed or not self._step_over():
                number, found = number + 1, self._element()
                yield number, found
        if (self._listed or self._wrapped) and not isinstance(found, RowProblem):
            yield number + 1, RowProblem("json_cut")

    def _more(self) -> bool:
        """Read one block on; False at the end of the file."""
        block = next(self._blocks, None)
        if block is None:
            self._whole = True
            return False
        self._text, self._at = self._text[self._at :] + block, 0
        return True

    def _step_over(self) -> bool:
        """Outside of a list: step over what stands around the rows; False where a row begins."""
        while len(self._text) - self._at < _AHEAD and self._more():
            pass
        if self._wrapped:
            return self._step_on_in_wrapper()
        begin, start = self._text[self._at], self._at + 1
        if begin == "{":
            found = _WRAPPED.match(self._text, _BEFORE.match(self._text, start).end())  # type: ignore[union-attr]
            start = found.end() if found and found.group(1).lower() not in TURNS else 0
        if begin not in "[{" or not start or self._begins_row():
            return False
        self._at, self._listed, self._wrapped = start, True, begin == "{"
        return True

    def _step_on_in_wrapper(self) -> bool:
        """The same after a list inside an object: more lists, flat values, and the end of the object."""
        if self._text[self._at] == "}":
            self._at, self._wrapped = self._at + 1, False
            return True
        if found := _WRAPPED.match(self._text, self._at):
            self._at, self._listed = found.end(), True
            return True
        if found := _PAIR.match(self._text, self._at):
            self._at = found.end()
            return True
        if found := _KEY.match(self._text, self._at):
            self._at = found.end()  # what is nested there may hold rows, so it is not passed over in silence
        else:
            self._wrapped = False
        return False

    def _begins_row(self) -> bool:
        """Whether the list or object that begins here is a row itself, as far as it has been read."""
        try:
            return is_row(self._decode(self._text, self._at)[0])
        except (ValueError, RecursionError):
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
        """Go on at the next row: one that begins like the others, or what follows where this one seems to end."""
        begin = _FIRST_KEY.match(self._text, self._at)
        known = json.dumps(self._key, ensure_ascii=False)[1:-1] or (begin.group(1) if begin else "")
        like = rf'\{{\s*"{re.escape(known)}"\s*:' if known else r'\{\s*"'
        marks = re.compile(rf"(?P<like>{like})|(?P<end>{_ENDS})|[\[\]]")
        depth, place = int(self._text[self._at] == "["), self._at + 1
        while True:
            searched = len(self._text) - (0 if self._whole else _SEAM)
            for found in marks.finditer(self._text, place):
                if found.start() >= searched:
                    break
                depth += {"[": 1, "]": -1}.get(found.group()[0], 0)
                if found["like"] or (found["end"] and depth <= 0):
                    self._at = found.start() if found["like"] else found.end()
                    if self._at > _SEEN:  # to tell its line, every error counts through all that is before it
                        self._text, self._at = self._text[self._at :], 0
                    return _problem(error)
                place = found.end()
            if self._whole:
                self._at = len(self._text)
                return _problem(error)
            self._at = max(place, searched)
            self._more()
            place = self._at


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
