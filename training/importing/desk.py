"""Imports as the page sees them: start, look, stop, save. An import is a folder in HOME/imports and one process.

The process does the reading (child.py), so that a big or a malicious file cannot hold up the page.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from training import dataset, errand
from training.errors import UserError
from training.files import read_json
from training.importing import staging
from training.importing.intake import Progress
from training.importing.report import Report
from training.persona import Persona

_OLD = 24 * 3600
"""Seconds after which an import that nobody saved is removed."""


@dataclass(frozen=True)
class Look:
    """How an import stands: it is being read, it has a report, or it failed."""

    progress: Progress
    report: Report | None = None
    error: UserError | None = None

    @property
    def live(self) -> bool:
        return not self.report and not self.error


def start(file: Path, persona: Persona | None = None, distinct: bool = False) -> str:
    """Begin to read a file; returns the import's id. Raises UserError (persona problems, not_writable)."""
    tidy()
    folder = staging.new()
    who = asdict(persona.checked()) if persona else None
    errand.start("training.importing.child", folder, {"file": str(file), "persona": who, "distinct": distinct})
    return folder.name


def look(name: str) -> Look:
    """How the import stands. Raises UserError(import_not_there)."""
    folder = _folder(name)
    alive = errand.is_alive(folder)
    # Asked before the files are: what ends in between has written its last word.
    if (folder / "report.json").is_file():
        return Look(Progress(1.0), report=Report.from_dict(read_json(folder / "report.json")))
    error = errand.error(folder)
    if not error and not alive:
        error = UserError("import_died", reason=errand.last_line(folder), log=folder / errand.LOG)
    if error:
        return Look(Progress(0.0), error=error)
    return Look(Progress(**(errand.progress(folder) or {"share": 0.0})))


def discard(name: str) -> None:
    """End an import and forget what it has read. One that is not there any more is none."""
    try:
        folder = _folder(name)
    except UserError:
        return
    errand.end(folder)
    shutil.rmtree(folder, ignore_errors=True)


def save(name: str, as_name: str) -> Path:
    """Make a dataset of what was read; returns its data.json. Raises UserError (import_not_there, dataset_name_bad)."""
    folder = _folder(name)
    dataset.checked_name(as_name)
    if not (folder / "report.json").is_file() or not (folder / "data.json").is_file():
        raise UserError("import_not_there")
    made = dataset.take(as_name, folder)
    staging.keep_lists(folder, dataset.checked_name(as_name))
    shutil.rmtree(folder, ignore_errors=True)
    return made


def problem_list(name: str, language: str) -> Path:
    """The file with every problem of the import, in one language."""
    return staging.listed(_folder(name), language)


def _folder(name: str) -> Path:
    folder = staging.imports_dir() / name
    if not name or Path(name).name != name or not (folder / "request.json").is_file():
        raise UserError("import_not_there")
    return folder


def tidy() -> None:
    """Remove what nobody saved for a day."""
    for folder in staging.imports_dir().glob("import-*"):
        if folder.is_dir() and folder.stat().st_mtime < time.time() - _OLD:
            errand.end(folder)
            shutil.rmtree(folder, ignore_errors=True)
