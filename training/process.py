"""Processes by who they are, not by a number alone: a pid is used again, a pid with its start time is not."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

import psutil

CALM = {"GOMP_SPINCOUNT": "6000"}
"""For processes that calculate: threads that wait for each other soon give their core away. Left alone they spin, and
beside another busy process (a chat, the browser that watches the run) both take three to eight times as long. Measured
beside one busy process on two cores: a step takes 1.9 s with 2000 and with 6000, 5.0 s with 20000. On idle cores it
costs: in the same 55 s 17 steps were done with 2000, 25 with 20000, 27 with none set."""
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
    """Tell a run process to stop: SIGUSR1 to keep what there is, SIGUSR2 to discard it.

    Not SIGTERM: that is what a machine says to everybody when it shuts down.
    """
    if is_alive(pid, mark):
        _signal(psutil.Process(pid), lambda: os.kill(pid, signal.SIGUSR1 if keep else signal.SIGUSR2))


def guard() -> None:
    """Fork: the child returns and does the work; the parent waits, and ends all that the child leaves behind.

    However the child ends, kill -9 included, none of its descendants outlives it (Linux).
    """
    adopt_orphans()
    child = os.fork()  # safe: this process has one thread
    if child == 0:
        return
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    _, ending = os.waitpid(child, 0)
    end_children(grace=0)
    os._exit(max(0, os.waitstatus_to_exitcode(ending)) or int(os.WIFSIGNALED(ending)))


def adopt_orphans() -> None:
    """Make this process the parent of every orphan below it, so that none can slip out of its tree (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent is gone, however that one ended (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def guardian(pid: int) -> psutil.Process | None:
    """The process that guards a run process (see guard): the last one of the run to go."""
    try:
        run, parent = psutil.Process(pid), psutil.Process(pid).parent()
        return parent if parent and parent.cmdline() == run.cmdline() else None
    except psutil.Error:
        return None


def end_children(grace: float) -> None:
    """End everything below this process: politely, and after `grace` seconds by force. Returns when all are gone."""
    deadline = time.monotonic() + grace
    for child in _children() if grace else ():
        _signal(child, child.terminate)
    while children := _children():
        if time.monotonic() > deadline:
            children = _frozen(children)
            for child in children:
                _signal(child, child.kill)
        psutil.wait_procs(children, timeout=0.1)


def _frozen(children: list[psutil.Process]) -> list[psutil.Process]:
    """All descendants, stopped: those that fork faster than one can kill are caught this way."""
    known: set[psutil.Process] = set()
    while new := set(children) - known:
        for child in new:
            _signal(child, child.suspend)
        known |= new
        children = _children()
    return list(known)


OWNER = "STUDIO_RUN_OWNER"
"""Variable in the environment of all that a run process starts: who that is."""


def end_strays(folder: Path) -> None:
    """Kill what run processes that are gone have left alive for runs below `folder`."""
    for found in psutil.process_iter():
        try:
            variables = found.environ() if found.pid != os.getpid() else {}
        except (psutil.Error, OSError):
            continue  # somebody else's, or gone
        pid, _, rest = variables.get(OWNER, "").partition(" ")
        mark, _, place = rest.partition(" ")
        if pid.isdigit() and Path(place).is_relative_to(folder) and not is_alive(int(pid), mark):
            _signal(found, found.kill)


def owner(folder: Path) -> dict[str, str]:
    """The variable by which end_strays knows a child of this process that works for the run in `folder`."""
    return {OWNER: f"{os.getpid()} {start_mark(os.getpid())} {folder}"}


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
