"""Models without weights: the real process around the puppet of fake_worker.py."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serving.process import ModelProcess
from tests.serving.puppets import FAKE


@pytest.fixture
def puppet() -> Iterator[Callable[..., ModelProcess]]:
    """A maker of ModelProcesses; all of them are closed at the end."""
    made: list[ModelProcess] = []

    def make(how: str = "", folder: Path = Path("puppet"), **times: float) -> ModelProcess:
        command = [sys.executable, str(FAKE), str(folder), how]
        made.append(ModelProcess(folder, command, **times))
        return made[-1]

    yield make
    for process in made:
        process.close()
