"""The door of the studio: one password, and wrong ones cost whoever gives them more than the owner."""

from __future__ import annotations

import asyncio
import hmac
import sys
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable

from ui.caller import asking

_TRIES, _LOCKED = 5, 300.0
"""After so many wrong passwords from one address, so many seconds without another try from there."""
_FREE, _SLOWEST = 5, 10.0
"""Wrong passwords of the last minute, of all addresses, that cost nobody anything; each further one makes every try
take a second more, up to so many."""
_AT_ONCE, _AT_ONCE_UNKNOWN = 2, 20
"""Tries of one address that may be under way; of all whose address is not known."""
_REMEMBERED = 10_000
"""Addresses."""


class Password:
    """Asked by Gradio: any user name, one password.

    Not covered: an owner whose address is not known while somebody floods the door from behind the same proxy.
    """

    def __init__(
        self,
        password: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._password, self._clock, self._sleep = password.encode(), clock, sleep
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()
        """When each known address gave wrong ones, as far as that matters; who did so last stands last."""
        self._all: deque[float] = deque(maxlen=_FREE + round(_SLOWEST))
        self._trying: Counter[str] = Counter()

    async def lets_in(self, _user: str, given: str) -> bool:
        """Whether he may come in. From an address that gave too many wrong ones not even the right one opens."""
        address = asking.get()
        if self._is_locked(address) or self._trying[address] >= (_AT_ONCE if address else _AT_ONCE_UNKNOWN):
            return False
        self._trying[address] += 1
        try:
            await self._sleep(self._pause())
        finally:
            self._trying[address] -= 1
            if not self._trying[address]:
                del self._trying[address]
        if self._is_locked(address):  # meanwhile, by a try beside this one
            return False
        right = hmac.compare_digest(given.encode("utf-8", "replace"), self._password)
        if right:
            self._wrong.pop(address, None)
        else:
            self._note(address)
        return right

    def _is_locked(self, address: str) -> bool:
        wrong = self._wrong.get(address)
        return wrong is not None and len(wrong) >= _TRIES and self._clock() < wrong[-1] + _LOCKED

    def _pause(self) -> float:
        recent = sum(1 for when in self._all if when > self._clock() - 60)
        return min(_SLOWEST, float(max(0, recent - _FREE)))

    def _note(self, address: str) -> None:
        now = self._clock()
        self._all.append(now)
        if not address:
            return
        wrong = self._wrong.setdefault(address, deque(maxlen=_TRIES))
        while wrong and wrong[0] <= now - _LOCKED:
            wrong.popleft()
        wrong.append(now)
        self._wrong.move_to_end(address)
        if len(self._wrong) > _REMEMBERED:
            self._wrong.popitem(last=False)
        if len(wrong) == _TRIES:
            told = f"{_TRIES} wrong passwords: the studio is closed to {address} for {_LOCKED:.0f} s"
            print(told, file=sys.stderr, flush=True)
