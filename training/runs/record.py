"""A run as it lies on disk: its folder, what was asked for, how it stands. Reads, never writes."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from training import process
from training.errors import UserError
from training.files import read_json
from training.home import runs_dir
from training.runs import run_log, status
from training.runs.failure import last_words
from training.runs.status import RunStatus

START_DEADLINE = 30.0
"""Seconds a new run process has to write its first status."""


def names() -> list[str]:
    """All runs, newest first."""
    found = (file.parent.name for file in runs_dir().glob("*/spec.json"))
    return sorted((name for name in found if not name.startswith(".")), reverse=True)  # hidden: being deleted


def folder(run: str) -> Path:
    """The folder of a run. Raises UserError(run_missing)."""
    found = runs_dir() / run
    if not run or Path(run).name != run or not (found / "spec.json").is_file():
        raise UserError("run_missing", run=run)
    return found


def spec(run: str) -> dict[str, Any]:
    """What was asked for: dataset, model, recipe and so on. Raises UserError (run_missing, run_spec_broken)."""
    file = folder(run) / "spec.json"
    try:
        values: dict[str, Any] = read_json(file)
        return {**values, "recipe": dict(values["recipe"])}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError("run_spec_broken", run=run, path=file) from error


def look(run: str) -> RunStatus:
    """How the run stands, whatever happened to its process. Raises UserError(run_missing)."""
    place = folder(run)
    now = status.read(place)
    if now is None and _is_beginning(place):
        return RunStatus(run, "queued")
    if now is None:
        return RunStatus(run, "failed", reason={"reason": "status_unreadable", "log": str(place / "run.log")})
    if now.live and not process.is_alive(now.pid, now.mark):
        # The process may have ended between our two looks, after its last word.
        now = status.read(place) or now
        if now.live and not process.is_alive(now.pid, now.mark):
            return _gone(now, place)
    return now


def _is_beginning(place: Path) -> bool:
    """Whether the run's process may still have to speak for the first time."""
    spoken = any((place / file).exists() for file in ("status.json", "phases.jsonl"))
    return not spoken and time.time() - (place / "spec.json").stat().st_mtime < START_DEADLINE


def _gone(now: RunStatus, place: Path) -> RunStatus:
    if now.phase == "queued":
        return replace(now, phase="failed", reason={"reason": "queue_lost"}, note=None)
    failure = last_words(run_log.tail(place), str(place / "run.log"))
    return replace(now, phase="failed", reason=failure.reason, remedy=failure.remedy, note=None)


def active() -> str | None:
    """The run that trains (or merges, or ends) now, if any; those that wait for their turn are queue.queued()."""
    return next((run for run in names() if (now := look(run)).live and now.phase != "queued"), None)


def merged(run: str) -> Path | None:
    """The folder of the merged model, when the run made one."""
    found = folder(run) / "merged"
    return found if found.is_dir() else None
