"""How much of the server one caller may take, so that something is left for the others."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_AT_ONCE = 600
"""Requests of one caller that may be under way. A page that is open holds one or two; a class shares an address."""
_A_MINUTE = 1200
"""Costly requests of one caller."""
_REMEMBERED = 10_000
"""Callers."""


class Crowd:
    """All callers that are known by their address; the others are not counted. Not thread-safe: one event loop."""

    def __init__(
        self, at_once: int = _AT_ONCE, a_minute: int = _A_MINUTE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once, self._a_minute, self._clock = at_once, a_minute, clock
        self._now: Counter[str] = Counter()
        self._counted: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """Each caller's minute: when it began, and how many requests came in it."""

    @contextmanager
    def place(self, caller: str, costly: bool = True) -> Iterator[bool]:
        """Whether this request may be answered; it counts until the end. A file of the page's costs hardly anything."""
        if not caller:
            yield True
            return
        self._now[caller] += 1
        try:
            few = self._now[caller] <= self._at_once
            yield few and (not costly or self._count(caller) <= self._a_minute)
        finally:
            self._now[caller] -= 1
            if not self._now[caller]:
                del self._now[caller]

    def _count(self, caller: str) -> int:
        now = self._clock()
        began, count = self._counted.pop(caller, (now, 0))
        if now >= began + 60:
            began, count = now, 0
        self._counted[caller] = began, count + 1
        if len(self._counted) > _REMEMBERED:
            self._counted.popitem(last=False)
        return count + 1
