"""Processes by who they are, not by a number alone: a pid is used again, a pid with its start time is not."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def start_mark(pid: int) -> str | None:
    """What tells this process from a later one with the same pid; None when there is no such (live) process.

    On Linux the boot's id and the kernel's own start tick: neither moves when the clock is set.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if sys.platform != "linux":
            return str(process.create_time())
        # The command name may hold spaces and brackets; what follows the last bracket is plain. Field 22 is the start.
        ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{ticks}"
    except (psutil.Error, OSError, IndexError):
        return None


def is_alive(pid: int, mark: str) -> bool:
    """Whether the very process that once had this mark still runs."""
    return start_mark(pid) == mark


def ask_to_stop(pid: int, mark: str, keep: bool) -> None:
    """Tell a run process to stop: SIGUSR1 to keep what there is, SIGTERM to discard it."""
    if is_alive(pid, mark):
        _signal(psutil.Process(pid), lambda: os.kill(pid, signal.SIGUSR1 if keep else signal.SIGTERM))


def adopt_orphans() -> None:
    """Make this process the parent of every orphan below it, so that none can slip out of its tree (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent is gone, however that one ended (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def end_children(grace: float) -> None:
    """End everything below this process: politely, and after `grace` seconds by force. Returns when all are gone."""
    deadline = time.monotonic() + grace
    for child in _children():
        _signal(child, child.terminate)
    while children := _children():
        if time.monotonic() > deadline:
            for child in children:
                _signal(child, child.kill)
        psutil.wait_procs(children, timeout=0.1)


def end_tree(pid: int, grace: float) -> None:
    """End the process `pid` and everything below it: politely, and after `grace` seconds by force."""
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.Error:
        return
    _signal(root, root.terminate)
    _, alive = psutil.wait_procs([root], timeout=grace)
    for process in [*alive, *(member for member in tree if member.is_running())]:
        _signal(process, process.kill)
    psutil.wait_procs(tree, timeout=5)


def _children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _signal(process: psutil.Process, send) -> None:  # type: ignore[no-untyped-def]
    try:
        send()
    except (psutil.NoSuchProcess, ProcessLookupError):
        pass  # it ended by itself, which is what was wanted
