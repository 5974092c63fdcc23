"""Rows out of tables: CSV and its relatives, and the first sheet of an XLSX file with anything in it.

Each row becomes a dictionary by its column names. A quotation mark that is never closed costs its own row only.
"""

from __future__ import annotations

import csv
import itertools
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, time
from pathlib import Path
from typing import Any

from training.errors import UserError
from training.files import readable
from training.importing.formats import is_header
from training.importing.json_rows import Found
from training.importing.problems import RowProblem

_DELIMITERS = (",", "\t", ";", "|")
_LONGEST = 2000
"""Lines that one quoted cell may have."""
_CELL = 16 << 20
_LOOKED = 40
_ESCAPED = re.compile("_x([0-9A-F]{4})_")
"""A character that XML cannot hold, as a sheet writes it."""
_ERRORS = ("#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!")

Cells = tuple[int, Sequence[Any] | RowProblem]


def separated(numbered: Iterable[tuple[int, str | RowProblem]], delimiter: str) -> Iterator[Cells]:
    """The cells of each row of a CSV text; the number is that of the row's first line."""
    csv.field_size_limit(_CELL)
    feed = _Feed(iter(numbered))
    while True:
        reader = csv.reader(feed, delimiter=delimiter, strict=True)
        feed.begin()
        try:
            cells = next(reader)
        except StopIteration:
            if feed.broken:
                yield feed.broken
                continue
            return
        except csv.Error:
            yield feed.first, RowProblem("quoting")
            if feed.broken:
                yield feed.broken
            feed.push_back()
            continue
        if feed.broken:  # a line that could not be read, in the middle of a cell
            yield feed.broken
            feed.push_back()
            continue
        if any(cell.strip() for cell in cells):
            yield feed.first, cells


class _Feed:
    """Gives csv its lines, and takes those back that it should not have had."""

    def __init__(self, numbered: Iterator[tuple[int, str | RowProblem]]) -> None:
        self._numbered = numbered
        self._back: list[tuple[int, str]] = []
        self.begin()

    def begin(self) -> None:
        """A new row begins with the next line."""
        self.first = 0
        self.broken: tuple[int, RowProblem] | None = None
        self._given: list[tuple[int, str]] = []

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        if self.broken or len(self._given) >= _LONGEST:
            raise StopIteration
        if self._back:
            number, line = self._back.pop()
        else:
            number, read = next(self._numbered)
            if isinstance(read, RowProblem):
                self.broken = (number, read)
                raise StopIteration
            line = read
        self._given.append((number, line))
        self.first = self.first or number
        return line.replace("\x00", "")

    def push_back(self) -> None:
        """All lines but the row's first are read again."""
        self._back.extend(reversed(self._given[1:]))


def delimiter_of(head: str, name: str) -> tuple[str, str]:
    """The delimiter that cuts most lines into the same number of cells, and what Excel said of it ("sep=;")."""
    told = re.match(r"sep=(.)(?:\r?\n|\r)", head)
    if told:
        return told.group(1), told.group(0)
    lines = [(number, line + "\n") for number, line in enumerate(re.split(r"\r?\n|\r", head)[: 4 * _LOOKED])]
    order = ("\t", ",", ";", "|") if name.lower().endswith((".tsv", ".tab")) else _DELIMITERS

    def agreement(delimiter: str) -> tuple[float, int]:
        rows = (cells for _, cells in separated(iter(lines[:-1] or lines), delimiter))
        widths = [len(cells) for cells in rows if not isinstance(cells, RowProblem)][:_LOOKED]
        common = max(set(widths), key=widths.count, default=0)
        return (widths.count(common) / len(widths), -order.index(delimiter)) if common > 1 else (0, 0)

    return max(order, key=agreement), ""


class Table:
    """Rows of cells as dictionaries; says what it took for the names of the columns."""

    def __init__(self, rows: Iterator[Cells], file: str) -> None:
        self._rows, self._file = rows, file
        self.columns: list[str] = []
        self.named = False
        """Whether the names come from the first row."""

    def __iter__(self) -> Iterator[Found]:
        for number, cells in self._rows:
            if isinstance(cells, RowProblem):
                yield number, cells
                continue
            values = _trimmed([_text(cell) for cell in cells])
            if not values:
                continue
            if not self.columns:
                self.named = is_header(values)
                self.columns = values if self.named else self._two(values)
                if self.named:
                    continue
            yield number, self._row(values)

    def _two(self, values: list[str]) -> list[str]:
        if len(values) != 2:
            raise UserError("import_columns", file=self._file, found=" | ".join(value[:40] for value in values[:8]))
        return ["question", "answer"]

    def _row(self, values: list[str]) -> Any:
        if len(values) > len(self.columns):
            return RowProblem("cells", found=len(values), wanted=len(self.columns))
        for column, value in zip(self.columns, values):
            if value in _ERRORS:
                return RowProblem("cell_error", column, value=value)
        return dict(itertools.zip_longest(self.columns, values, fillvalue=""))


def _trimmed(values: list[str]) -> list[str]:
    while values and not values[-1].strip():
        values.pop()
    return values


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell if isinstance(cell, str) else str(cell)


def sheet(path: Path, progress: Callable[[float], None]) -> Iterator[Cells]:
    """The cells of each row of the first sheet that holds any. Raises UserError(import_sheet_broken)."""
    import openpyxl  # half a second

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of charts and styles that are not read here
            with path.open("rb") as file:  # by its path it would be judged by its name
                yield from _cells(openpyxl.load_workbook(file, read_only=True, data_only=True), progress)
    except (UserError, MemoryError, GeneratorExit):
        raise
    except Exception as error:  # openpyxl raises whatever its parsers do: KeyError, ParseError, BadZipFile...
        raise UserError("import_sheet_broken", file=readable(path.name), reason=error) from error


def _cells(book: Any, progress: Callable[[float], None]) -> Iterator[Cells]:
    for page in book.worksheets:
        last = page.max_row or 0
        page.reset_dimensions()  # what a file says about its own size is often wrong
        any_row = False
        for number, cells in enumerate(page.iter_rows(values_only=True), 1):
            if number % 1000 == 0:
                progress(number / last if last >= number else 0.0)
            if any(cell is not None for cell in cells):
                any_row = True
                yield number, [_shown(cell) for cell in cells]
        if any_row:
            return


def _shown(cell: Any) -> Any:
    """The cell as the sheet shows it: a day is no point in time."""
    if isinstance(cell, datetime) and cell.time() == time.min:
        return cell.date()
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), cell) if isinstance(cell, str) else cell
