"""How often a viewer looks at a run: the more look, the seldomer each, so that watching never costs the trainer 1 %."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

LOOK_SECONDS = 0.026
"""Processor time of one look, nine tenths of it Gradio's and FastAPI's own (tests/bench/live_view.py)."""
SHARE = 0.01
"""Of the machine's processor time, for all looks together."""
SECONDS_BETWEEN_LOOKS = (2, 4, 8, 16, 32)
"""What a viewer's timer may be set to. Few values: each change of it is an event of its own for every viewer."""
FORGOTTEN = 2 * SECONDS_BETWEEN_LOOKS[-1]
"""Seconds after which somebody who looks no more has left."""


class Pace:
    """Knows who looks. One for all pages of the process."""

    def __init__(self, cores: int | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowed = SHARE * (cores or os.cpu_count() or 1)
        self._clock = clock
        self._looked: dict[str, float] = {}
        self._lock = threading.Lock()

    def looked(self, viewer: str) -> int:
        """`viewer` (a page, by its session) looks now; returns the seconds until its next look."""
        with self._lock:
            now = self._looked[viewer] = self._clock()
            self._looked = {known: at for known, at in self._looked.items() if now - at < FORGOTTEN}
            wanted = len(self._looked) * LOOK_SECONDS / self._allowed
        return next((pace for pace in SECONDS_BETWEEN_LOOKS if pace >= wanted), SECONDS_BETWEEN_LOOKS[-1])
