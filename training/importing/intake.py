"""One pass through a file: what it is, which rows are good and go into a dataset, and what is wrong with the others.

It works in a folder of its own, where it leaves the rows, the lists of problems and report.json; saving the rows under
a name is another step (dataset.take). Memory does not grow with the file.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from training import dataset
from training.errors import UserError
from training.files import readable, write_json
from training.importing import encoding, formats, json_rows, kinds, placeholders, tables, turns
from training.importing.problems import Problems, RowProblem, problems
from training.importing.report import Report
from training.language import language_of
from training.persona import Persona
from training.rows import Writer, writer
from training.tally import mark

_HEAD = 256 * 1024


@dataclass(frozen=True)
class Progress:
    """How far the reading is."""

    share: float
    """From 0 to 1; 0 while that is unknown."""
    rows: int = 0
    bad: int = 0


Tell = Callable[[Progress], None]


def take_in(file: Path, folder: Path, tell: Tell, persona: Persona | None = None, distinct: bool = False) -> Report:
    """Read `file` into `folder`: data.json, labels.tsv, card.json, problems.*.csv and report.json.

    Without a single good row only the report and the lists are there. `distinct` leaves repeated rows out.
    Raises UserError: import_missing, import_no_file, import_changed, import_empty, import_kind_*, ..., disk_full.
    """
    began, before = time.monotonic(), _stamp(file)
    work = _Intake(file, before[0], persona and persona.checked(), distinct, tell)
    with problems(folder) as found:
        try:
            with writer(folder) as made:
                work.read(made, found)
                if _stamp(file) != before:
                    raise UserError("import_changed", file=readable(file.name))
        except UserError as error:
            if error.code != "dataset_empty":
                raise
            if not found.total:
                raise UserError("import_no_rows", file=readable(file.name)) from error
            made = None
    report = work.report(found, made, time.monotonic() - began)
    if made:
        write_json(folder / "card.json", dataset.card_of(made, work.told_of(), _origin(report)))
    write_json(folder / "report.json", asdict(report))
    return report


def _origin(report: Report) -> dict[str, Any]:
    keep = ("file", "size", "kind", "encoding", "formats", "bad", "repeats", "filled", "repairs", "problem_counts")
    return {"imported": {key: getattr(report, key) for key in keep}}


def _stamp(file: Path) -> tuple[int, int, int]:
    try:
        found = file.stat()
        if stat.S_ISDIR(found.st_mode):
            raise UserError("import_missing", file=readable(file), reason=os.strerror(errno.EISDIR))
        if not stat.S_ISREG(found.st_mode):
            raise UserError("import_no_file", file=readable(file))
        with file.open("rb"):
            pass
    except OSError as error:
        raise UserError("import_missing", file=readable(file), reason=error.strerror) from error
    return found.st_size, found.st_mtime_ns, found.st_ino


class _Intake:
    def __init__(self, file: Path, size: int, persona: Persona | None, distinct: bool, tell: Tell) -> None:
        self.file, self.persona, self.distinct = file, persona, distinct
        self._size, self._tell, self._told = size, tell, 0.0
        self._base = Report(readable(file.name), size)
        self._formats: Counter[str] = Counter()
        self._repairs: Counter[str] = Counter()
        self._seen: set[int] = set()
        self._repeats = self._waiting = self._filled = self._named = 0
        self._rows = self._bad = 0
        self._table: tables.Table | None = None
        self._lines: encoding.Lines | None = None

    def read(self, made: Writer, found: Problems) -> None:
        for number, value in self._found():
            try:
                kind, parsed = formats.turns(value)
                messages = turns.messages(parsed, self._repairs)
            except RowProblem as problem:
                found.add(number, problem)
                self._bad += 1
                continue
            self._formats[kind] += 1
            self._keep(messages, made)
        self._rows = made.rows

    def _keep(self, messages: placeholders.Messages, made: Writer) -> None:
        if placeholders.has(messages):
            if self.persona:
                messages = placeholders.filled(messages, self.persona)
                self._filled += 1
            else:
                self._waiting += 1
        row = placeholders.labelled(messages, self.persona, language_of(messages))
        self._named += row.kind == "identity"
        if self.distinct:
            known = mark(row)
            if known in self._seen:
                self._repeats += 1
                return
            self._seen.add(known)
        made.add(row)
        self._rows = made.rows

    def _found(self) -> Iterator[json_rows.Found]:
        """The rows of the file, whatever kind it is."""
        if kinds.binary_kind(self.file) == "xlsx":
            self._base = replace(self._base, kind="xlsx")
            self._table = tables.Table(tables.sheet(self.file, self._share), self._base.file)
            yield from self._table
            return
        code = encoding.recognised(self.file)
        head = next(encoding.blocks(self.file, code, lambda place: None))[:_HEAD]
        kind = kinds.text_kind(head, self._base.file)
        self._base = replace(self._base, kind=kind, encoding=code)
        if kind == "json":
            json_rows.refuse_other_shapes(head, self._base.file)
            yield from json_rows.elements(encoding.blocks(self.file, code, self._read))
            return
        self._lines = encoding.Lines(self.file, code, self._read)
        if kind == "jsonl":
            yield from json_rows.lines(self._lines)
            return
        delimiter, said = tables.delimiter_of(head, self._base.file)
        self._base = replace(self._base, kind="csv", delimiter=delimiter)
        lines = itertools.islice(iter(self._lines), 1 if said else 0, None)
        self._table = tables.Table(tables.separated(lines, delimiter), self._base.file)
        yield from self._table

    def _read(self, place: int) -> None:
        self._share(place / max(1, self._size))

    def _share(self, share: float) -> None:
        if time.monotonic() > self._told + 0.3:
            self._told = time.monotonic()
            self._tell(Progress(round(min(share, 1.0), 3), self._rows, self._bad))

    def told_of(self) -> Persona | None:
        """Who the rows speak of."""
        return self.persona if self._named else None

    def report(self, found: Problems, made: Writer | None, seconds: float) -> Report:
        repairs = self._repairs + (self._lines.repaired if self._lines else Counter())
        return replace(
            self._base,
            columns=tuple(self._table.columns) if self._table else (),
            named=not self._table or self._table.named,
            formats=dict(self._formats.most_common()),
            rows=made.rows if made else 0,
            bad=found.total,
            repeats=self._repeats,
            waiting=self._waiting,
            filled=self._filled,
            unnamed=bool(self.persona) and not self._named,
            repairs=dict(repairs.most_common()),
            problem_counts=dict(found.counts.most_common()),
            problems=tuple(found.first),
            summary=made.summary() if made else None,
            seconds=round(seconds, 2),
        )
