"""An ended run in somebody's hands: while its exam is sat or its model made anew, nothing else may change its folder.

The lock lies on the folder itself and is let go by the kernel when its holder dies.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.errors import UserError
from training.runs import queue, record


@contextmanager
def held(run: str) -> Iterator[Path]:
    """The folder of an ended run, for its holder alone. Raises UserError (run_missing, run_active)."""
    with queue.locked():  # a resume that has just asked is_held() starts before anybody else may hold
        place = record.folder(run)
        descriptor = os.open(place, os.O_RDONLY)
        if record.look(run).live or not _locks(descriptor, alone=True):
            os.close(descriptor)
            raise UserError("run_active", run=run)
    try:
        yield place
    finally:
        os.close(descriptor)


def is_held(place: Path) -> bool:
    """Whether somebody works on the run in this folder."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        return not _locks(descriptor, alone=False)
    finally:
        os.close(descriptor)


def _locks(descriptor: int, alone: bool) -> bool:
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
