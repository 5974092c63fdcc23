"""What is wrong with a row, for whom it matters: its number, the field, and the reason in a sentence."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from dataclasses import field as option
from pathlib import Path
from typing import Any

from training.files import writing
from training.sentences import LANGUAGES, sentence

SHOWN = 200
"""Problems that are kept to be shown; the files hold all of them."""
_WRITTEN = 300
"""Characters of a detail that are quoted."""


class RowProblem(Exception):
    """A row cannot be used; raised while it is read."""

    def __init__(self, code: str, field: str = "", **details: object) -> None:
        super().__init__(code, field, details)
        self.code, self.field, self.details = code, field, details


@dataclass(frozen=True)
class Problem:
    """Why one row of the file was left out."""

    row: int
    """As an editor or a spreadsheet counts: the line of a text file, the row of a sheet, the element of a list."""
    field: str
    code: str
    details: dict[str, Any] = option(default_factory=dict)

    def sentence(self, language: str = "en") -> str:
        """What is wrong with the row, and what to do."""
        return sentence(f"problem.{self.code}", language, **self.details)


class Problems:
    """All problems of a file: counted by code, the first of them kept, every one written to the lists."""

    def __init__(self, writers: dict[str, Any]) -> None:
        self._writers = writers
        self.counts: Counter[str] = Counter()
        self.first: list[Problem] = []

    def add(self, row: int, problem: RowProblem) -> None:
        """Note one problem."""
        details = {key: _quoted(value) for key, value in problem.details.items()}
        noted = Problem(row, _quoted(problem.field), problem.code, details)
        self.counts[problem.code] += 1
        if len(self.first) < SHOWN:
            self.first.append(noted)
        for language, writer in self._writers.items():
            writer.writerow([row, _cell(noted.field), _cell(noted.sentence(language))])

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@contextmanager
def problems(folder: Path) -> Iterator[Problems]:
    """Problems that are also written to problems.<language>.csv in `folder`, as a spreadsheet opens it."""
    with ExitStack() as stack:
        writers = {}
        for language in LANGUAGES:
            file = stack.enter_context(writing(listed(folder, language)))
            file.write("\ufeff")  # without it Excel takes the file for another encoding
            writers[language] = csv.writer(file)
            titles = ("import.row", "import.field", "import.reason")
            writers[language].writerow([sentence(title, language) for title in titles])
        yield Problems(writers)


def listed(folder: Path, language: str) -> Path:
    """The list of all problems in one language."""
    return folder / f"problems.{language}.csv"


def _quoted(value: object) -> str:
    # Half a character (a lone surrogate) could not be written anywhere.
    return str(value)[:_WRITTEN].encode("utf-8", "replace").decode("utf-8")


def _cell(text: str) -> str:
    # What a stranger's file says must not become a formula of our spreadsheet.
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
