"""A clock that jumps: FAKE_CLOCK_JUMP="<seconds> <after>" sets it by so many seconds, so long after a process began."""

import os
import time

if jump := os.environ.get("FAKE_CLOCK_JUMP"):
    _seconds, _after = (float(part) for part in jump.split())
    _true, _began = time.time, time.monotonic()
    time.time = lambda: _true() + (_seconds if time.monotonic() > _began + _after else 0)
