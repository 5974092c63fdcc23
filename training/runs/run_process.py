"""The one process of a run: python -m training.runs.run_process RUN_FOLDER [--resume ITERATION --changes JSON]

It waits for its turn, goes through the phases (phases.py), and says how it ended. It needs neither torch nor a page.
SIGUSR1: stop and keep; during the exam, skip its rest. SIGUSR2: stop and discard. SIGTERM: the machine shuts down.
"""

from __future__ import annotations

import argparse
import errno
import json
import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

from training import process
from training.errors import UserError
from training.runs import phases, queue
from training.runs.attempt import Discarded, Ended, Failed, Run
from training.runs.trainer import END_GRACE

TURN_TICK = 1.0
"""Seconds between two questions whose turn it is."""


def wait_for_turn(run: Run) -> None:
    """Return when no run before this one needs the same device."""
    while True:
        with queue.locked():  # until the phase is written: nobody else can take the same turn
            ahead = queue.ahead(run.folder.name, queue.devices(run.spec))
            if ahead is None:
                return run.enter("preparing")
        if run.asked:
            raise Discarded  # there is nothing to keep yet
        run.tell(note={"note": "queued_behind", "run": ahead})
        time.sleep(TURN_TICK)


def live(run: Run, point: int | None, changes: dict[str, Any]) -> dict[str, Any]:
    """Take the run to its end; returns how it ended, as changes of its status."""
    try:
        wait_for_turn(run)
        return phases.through(run, point, changes)
    except Failed as failed:
        failure = failed.failure
        told = {"reason": failure.reason, "remedy": None if run.spec.get("own_config") else failure.remedy}
        return {"phase": "failed", "exit_code": failed.exit_code, **told}
    except UserError as error:
        return {"phase": "failed", "reason": {"error": error.code, **{k: str(v) for k, v in error.details.items()}}}
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return _defect(run, error)
        return {"phase": "failed", "reason": {"reason": "disk_full", "line": str(error), "log": run.log}}
    except Exception as error:
        return _defect(run, error)


def _defect(run: Run, error: Exception) -> dict[str, Any]:
    # Ours: the log gets the traceback, the page a sentence.
    traceback.print_exc()
    return {"phase": "failed", "reason": {"reason": "defect", "line": repr(error), "log": run.log}}


_ASKED = {signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2}


def main(folder: Path, point: int | None, changes: dict[str, Any]) -> int:
    """Take the run to its end and say how it ended. Returns the exit code: 0 only for done, or stopped and kept."""
    process.adopt_orphans()
    signal.pthread_sigmask(signal.SIG_BLOCK, _ASKED)  # nothing may be asked of a run that is not there yet
    run = Run(folder, resumed=point is not None)

    def end(number: int, frame: FrameType | None) -> None:
        _deaf()
        raise Discarded if number == signal.SIGUSR2 else Ended

    def keep(number: int, frame: FrameType | None) -> None:
        run.asked += 1

    try:
        signal.signal(signal.SIGUSR1, keep)
        signal.signal(signal.SIGUSR2, end)
        signal.signal(signal.SIGTERM, end)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ASKED)
        ending = live(run, point, changes)
        _deaf()
    except Discarded:
        waiting = run.status.phase == "queued"
        told = {"reason": "discarded_in_queue" if waiting else "discarded", "step": run.status.step}
        run.enter("stopping")
        ending = {"phase": "stopped", "exit_code": 0, "reason": told}
    except Ended:
        ending = {"phase": "failed", "reason": {"reason": "run_ended", "step": run.status.step}}
    process.end_children(END_GRACE)
    run.enter(ending.pop("phase"), finished=time.time(), **ending)
    return 0 if run.status.exit_code == 0 else 1


def _deaf() -> None:
    for number in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--resume", type=int)
    parser.add_argument("--changes", type=json.loads, default={})
    options = parser.parse_args()
    process.guard()
    sys.exit(main(options.folder.absolute(), options.resume, options.changes))
