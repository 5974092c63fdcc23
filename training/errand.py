"""Work in a process of its own that the page only looks at: it is told about in a folder, and ends with its page.

The folder holds request.json (what is wanted), process.json (who does it), progress.json, the log, and error.json when
it did not go well. What a good end looks like is the caller's. Runs are not of this kind: they survive the page.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from training import process as processes
from training.errors import UserError
from training.files import read_json, write_json
from training.home import ROOT

_FILES = ("error.json", "progress.json")
LOG = "work.log"
_PATIENCE = 10
"""Seconds that cancelled work has for putting things away."""

Tell = Callable[[Mapping[str, Any]], None]
"""Hears how far the work is."""


def start(module: str, folder: Path, request: Mapping[str, Any], variables: Mapping[str, str] | None = None) -> None:
    """Let `python -m module FOLDER` do what is wanted; it calls perform()."""
    for file in _FILES:
        (folder / file).unlink(missing_ok=True)
    write_json(folder / "request.json", {**request, "page": os.getpid()})
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(folder)],
            cwd=ROOT,
            env={**os.environ, **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    write_json(folder / "process.json", {"pid": process.pid, "mark": processes.start_mark(process.pid) or ""})
    threading.Thread(target=process.wait, daemon=True).start()  # or it would stay behind as a zombie


def is_alive(folder: Path) -> bool:
    """Whether somebody works there."""
    pid, mark = worker(folder)
    return bool(mark) and processes.is_alive(pid, mark)


def worker(folder: Path) -> tuple[int, str]:
    """The process that works there, or did: its pid and start mark."""
    try:
        told: dict[str, Any] = read_json(folder / "process.json")
        return int(told["pid"]), str(told["mark"])
    except (OSError, ValueError, KeyError):
        return 0, ""


def progress(folder: Path) -> dict[str, Any]:
    """The last that was told; empty before."""
    try:
        told: dict[str, Any] = read_json(folder / "progress.json")
        return told
    except (OSError, ValueError):
        return {}


def error(folder: Path) -> UserError | None:
    """What went wrong, as far as the work could say it."""
    try:
        told = read_json(folder / "error.json")
        return UserError(told["error"], **told["details"])
    except (OSError, ValueError, KeyError):
        return None


def last_line(folder: Path) -> str:
    """The last line of the log, for work that ended without a word."""
    try:
        lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1][:300] if lines else "?"


def end(folder: Path) -> None:
    """End the work at once."""
    _signal(folder, signal.SIGKILL)


def cancel(folder: Path) -> None:
    """Ask the work to end, so that it ends its own children before; after a while it is ended."""
    _signal(folder, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE
    while is_alive(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    end(folder)


def _signal(folder: Path, number: signal.Signals) -> None:
    if is_alive(folder):
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(worker(folder)[0], number)


def perform(folder: Path, do: Callable[[dict[str, Any], Tell], None], out_of_memory: UserError, died: str) -> int:
    """In the process: do(request, tell). What goes wrong is written down (`died`: our own mistakes). The exit code."""
    request = read_json(folder / "request.json")

    def tell(told: Mapping[str, Any]) -> None:
        if os.getppid() != request["page"]:
            raise SystemExit("its page has ended")  # nobody is there to use it; children end on the way out
        write_json(folder / "progress.json", told)

    try:
        do(request, tell)
        return 0
    except UserError as problem:
        said = problem
    except MemoryError:
        said = out_of_memory
    except Exception as problem:  # a defect of ours: the log gets the traceback, the page a sentence
        traceback.print_exc()
        said = UserError(died, reason=repr(problem)[:300], log=folder / LOG)
    details = {key: str(value) for key, value in said.details.items()}
    write_json(folder / "error.json", {"error": said.code, "details": details})
    return 1


def limit_memory(most: int) -> None:
    """Let this process have no more than so many bytes of address space."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (most, most))
