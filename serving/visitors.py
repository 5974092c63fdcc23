"""What a page that anybody can open grants its visitors: how long a question, how often, how many answers at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from serving.engine import Sampling
from training.errors import UserError


@dataclass(frozen=True)
class Limits:
    """What one visitor, and all together, may ask."""

    characters: int = 1000
    """Of a question, and of the system prompt."""
    tokens: int = 256
    """Of an answer."""
    a_minute: int = 10
    """Questions of one visitor."""
    at_once: int = 12
    """Answers being given or waited for, of all visitors together."""
    at_once_each: int = 8
    """Of those, from one address, so that nobody can take all of them. A class may share an address."""


@dataclass(eq=False)
class _Place:
    address: str


class Visitors:
    """All visitors of the page; thread-safe.

    One who opens the page anew counts as another for `a_minute`: many may share his address. What protects the machine
    is `at_once`, which nobody gets around.
    """

    def __init__(self, limits: Limits = Limits(), clock: Callable[[], float] = time.monotonic) -> None:
        self.limits, self._clock = limits, clock
        self._lock = threading.Lock()
        self._waiting: list[_Place] = []

    def admit(self, asked: deque[float], question: str) -> None:
        """Take note of a question; `asked` remembers this visitor's. Raises UserError(question_too_long, too_often)."""
        if len(question) > self.limits.characters:
            raise UserError("question_too_long", length=len(question), most=self.limits.characters)
        now = self._clock()
        while asked and asked[0] <= now - 60:
            asked.popleft()
        if len(asked) >= self.limits.a_minute:
            raise UserError("too_often", most=self.limits.a_minute, seconds=max(1, round(asked[0] + 60 - now)))
        asked.append(now)

    def granted(self, sampling: Sampling, system: str = "") -> Sampling:
        """The same, its answer no longer than granted. Raises UserError(question_too_long), of the system prompt."""
        if len(system) > self.limits.characters:
            raise UserError("question_too_long", length=len(system), most=self.limits.characters)
        return replace(sampling, max_tokens=int(min(sampling.max_tokens, self.limits.tokens)))  # a script sends 100.5

    @contextmanager
    def place(self, address: str = "") -> Iterator[Callable[[], int]]:
        """A place in the line; it tells how many stand before it. Raises UserError(too_many_visitors).

        `address`: whence he comes; empty where that cannot be known.
        """
        mine = _Place(address)
        with self._lock:
            theirs = sum(1 for each in self._waiting if address and each.address == address)
            if len(self._waiting) >= self.limits.at_once or theirs >= self.limits.at_once_each:
                raise UserError("too_many_visitors", most=len(self._waiting))
            self._waiting.append(mine)
        try:
            yield lambda: self._waiting.index(mine)
        finally:
            with self._lock:
                self._waiting.remove(mine)
