"""What was found in a file, as report.json keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from training.importing.problems import Problem
from training.tally import Summary


@dataclass(frozen=True)
class Report:
    """What was found in a file."""

    file: str
    size: int
    kind: str = ""
    """jsonl, json, csv or xlsx."""
    encoding: str = ""
    """utf-8, utf-8-sig (with a mark in front), utf-16-le, utf-16-be or gb18030; "" for a sheet."""
    delimiter: str = ""
    columns: tuple[str, ...] = ()
    named: bool = True
    """The columns have names in the file; otherwise they were taken for question and answer."""
    formats: dict[str, int] = field(default_factory=dict)
    """Good rows by format."""
    rows: int = 0
    """Good rows that were kept."""
    bad: int = 0
    """Rows that were left out; the lists say why."""
    repeats: int = 0
    """Rows that were left out because they are there already (only when that was asked for)."""
    waiting: int = 0
    """Rows in which {{name}} or {{author}} still stands."""
    filled: int = 0
    """Rows in which they were filled in."""
    unnamed: bool = False
    """A persona was given, but no row speaks of it."""
    repairs: dict[str, int] = field(default_factory=dict)
    """What was put right, and how often."""
    problem_counts: dict[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    """The first of them; problems.<language>.csv has all."""
    summary: Summary | None = None
    seconds: float = 0.0

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Report:
        return Report(
            **{
                **values,
                "columns": tuple(values["columns"]),
                "problems": tuple(Problem(**each) for each in values["problems"]),
                "summary": Summary(**values["summary"]) if values["summary"] else None,
            }
        )
