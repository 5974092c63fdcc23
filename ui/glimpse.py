"""One moment of a run, shared by all who look at it: the disk is asked once, whatever the number of viewers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from training import runs
from training.runs import progress
from ui import exam_panel
from ui.pace import SECONDS_BETWEEN_LOOKS


@dataclass(frozen=True)
class Glimpse:
    """A run at one moment, for everybody who looks: how it stands, and marks of what there is to show."""

    status: runs.RunStatus
    merged: bool
    waiting: tuple[str, ...]
    curve: str
    log: str
    exam: tuple[Any, ...]

    @property
    def rare(self) -> str:
        """A mark of what changes only a few times in a run."""
        return repr((self.status.phase, self.merged, self.waiting, bool(self.curve), self.exam))


def glimpse(run: str) -> Glimpse:
    """The run as it is now. Taken before anything is read: what changes meanwhile is then read again."""
    folder, status = runs.folder(run), runs.look(run)
    waiting = tuple(runs.queued()) if status.phase == "queued" else ()
    merged = runs.merged(run) is not None
    return Glimpse(
        status, merged, waiting, progress.curve_mark(folder), progress.log_mark(folder), exam_panel.mark(run)
    )


@lru_cache(maxsize=32)
def _glimpse_at(run: str, _moment: int) -> Glimpse:
    return glimpse(run)


def shared_glimpse(run: str) -> Glimpse:
    """The run as it was at most two seconds ago: ten viewers cost hardly more than one."""
    return _glimpse_at(run, int(time.monotonic() / SECONDS_BETWEEN_LOOKS[0]))
