"""Imports as the page sees them: start, look, stop, save. An import is a folder in HOME/imports and one process.

The process does the reading (child.py), so that a big or a malicious file cannot hold up the page.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training import dataset
from training import process as processes
from training.errors import UserError
from training.files import read_json, write_json
from training.home import ROOT
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
    _tidy()
    folder = staging.new()
    who = asdict(persona.checked()) if persona else None
    request = {"file": str(file), "persona": who, "distinct": distinct, "page": os.getpid()}
    write_json(folder / "request.json", request)
    with (folder / "import.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "training.importing.child", str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    write_json(folder / "process.json", {"pid": process.pid, "mark": processes.start_mark(process.pid) or ""})
    threading.Thread(target=process.wait, daemon=True).start()  # or it would stay behind as a zombie
    return folder.name


def look(name: str) -> Look:
    """How the import stands. Raises UserError(import_not_there)."""
    folder = _folder(name)
    alive = processes.is_alive(*_process(folder))
    # Asked before the files are: what ends in between has written its last word.
    if (folder / "report.json").is_file():
        return Look(Progress(1.0), report=Report.from_dict(read_json(folder / "report.json")))
    if (folder / "error.json").is_file():
        told = read_json(folder / "error.json")
        return Look(Progress(0.0), error=UserError(told["error"], **told["details"]))
    if not alive:
        log = (folder / "import.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return Look(
            Progress(0.0), error=UserError("import_died", reason=log[-1] if log else "?", log=folder / "import.log")
        )
    try:
        return Look(Progress(**read_json(folder / "progress.json")))
    except (OSError, ValueError, TypeError):
        return Look(Progress(0.0))


def discard(name: str) -> None:
    """End an import and forget what it has read. One that is not there any more is none."""
    try:
        folder = _folder(name)
    except UserError:
        return
    _end(folder)
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


def _process(folder: Path) -> tuple[int, str]:
    try:
        told: dict[str, Any] = read_json(folder / "process.json")
        return int(told["pid"]), str(told["mark"])
    except (OSError, ValueError, KeyError):
        return 0, ""


def _end(folder: Path) -> None:
    pid, mark = _process(folder)
    if mark and processes.is_alive(pid, mark):
        os.kill(pid, signal.SIGKILL)


def _tidy() -> None:
    for folder in staging.imports_dir().glob("import-*"):
        if folder.is_dir() and folder.stat().st_mtime < time.time() - _OLD:
            _end(folder)
            shutil.rmtree(folder, ignore_errors=True)
