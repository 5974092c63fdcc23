"""Whose turn it is: one run at a time on each device, the others wait in an order that can be changed.

A waiting run is a process already: it asks here for its turn. The order lies in HOME/runs/queue.json; a run that is
missing there (the file was lost) waits behind the others, the older first.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.errors import UserError
from training.files import read_json, write_json
from training.home import runs_dir
from training.runs import record
from training.runs.status import RunStatus


@contextmanager
def locked() -> Iterator[None]:
    """Only one at a time starts, resumes, deletes or takes its turn on this HOME, also between processes."""
    with (runs_dir() / ".lock").open("w") as lock:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)  # let go by the kernel when its holder dies
        yield


def devices(spec: dict[str, Any]) -> frozenset[str]:
    """What a run needs for itself: the CPU, all GPUs, or those that its recipe names."""
    if spec.get("device", "cpu") == "cpu":
        return frozenset({"cpu"})
    return frozenset(f"cuda:{gpu}" for gpu in spec["recipe"].get("gpus") or ()) or frozenset({"cuda"})


def queued() -> list[str]:
    """The runs that wait for their turn, the next one first."""
    return _in_order(_live())


def _in_order(live: Mapping[str, RunStatus]) -> list[str]:
    waiting = [run for run, now in live.items() if now.phase == "queued"]
    places = {run: place for place, run in enumerate(_order())}
    return sorted(waiting, key=lambda run: places.get(run, len(places)))


_ended: dict[Path, tuple[int, int]] = {}
"""The status files of runs that have ended, as they were: only a resume writes another one."""


def _live() -> dict[str, RunStatus]:
    """The runs that wait or go on, the oldest first; asked every second, so an ended one is looked at once."""
    found = {}
    for run in reversed(record.names()):
        file = runs_dir() / run / "status.json"
        mark = _mark(file)
        if mark is not None and _ended.get(file) == mark:
            continue
        now = record.look(run)
        if now.live:
            found[run] = now
        elif mark is not None:
            _ended[file] = mark
    return found


def _mark(file: Path) -> tuple[int, int] | None:
    try:
        known = file.stat()
    except OSError:
        return None
    return known.st_ino, known.st_mtime_ns


def append(run: str) -> None:
    """Let `run` wait behind all that wait now."""
    write_json(_file(), [*(other for other in queued() if other != run), run])


def reorder(run: str, place: int) -> None:
    """Move a waiting run to `place` (0 is next). Raises UserError (run_missing, run_not_queued)."""
    record.folder(run)
    with locked():
        waiting = queued()
        if run not in waiting:
            raise UserError("run_not_queued", run=run)
        waiting.remove(run)
        waiting.insert(max(0, place), run)
        write_json(_file(), waiting)


def ahead(run: str | None, needs: frozenset[str]) -> str | None:
    """The run that has to end before one that needs these devices may go: one that runs, or waits before `run`."""
    live = _live()
    waiting = _in_order(live)
    before = waiting[: waiting.index(run)] if run in waiting else waiting
    for other in [*(each for each in live if each not in waiting), *before]:
        if other != run and _overlap(needs, _devices(other)):
            return other
    return None


def _devices(run: str) -> frozenset[str]:
    try:
        return devices(record.spec(run))
    except UserError:
        return frozenset({"cpu", "cuda"})  # whatever it is, it runs


def _overlap(these: frozenset[str], those: frozenset[str]) -> bool:
    if "cuda" in these | those:
        return any(name.startswith("cuda") for name in these) and any(name.startswith("cuda") for name in those)
    return bool(these & those)


def _order() -> list[str]:
    try:
        found = read_json(_file())
    except (OSError, ValueError):
        return []
    return [run for run in found if isinstance(run, str)] if isinstance(found, list) else []


def _file() -> Path:
    return runs_dir() / "queue.json"
