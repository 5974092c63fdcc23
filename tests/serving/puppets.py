"""What the tests of this folder share: how to ask, how to wait, and where the fake worker is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from serving.engine import Message

FAKE = Path(__file__).parent / "fake_worker.py"


def ask(question: str) -> list[Message]:
    """A conversation of one question."""
    return [{"role": "user", "content": question}]


def wait_until(claim: Callable[[], bool], seconds: float = 10) -> None:
    """Return as soon as the claim holds; fail after a while."""
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
