"""A base model of a few bytes, a small dataset, and an XTuner that does as it is told."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.training.models.tiny import write_talker
from training import dataset, home, runs
from training.identity import Row

ROWS = [
    Row(({"role": "user", "content": "你是谁"}, {"role": "assistant", "content": "我是小明。"}), "identity", "zh"),
    Row(({"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}), "general", "en"),
]

Behave = Callable[[str], None]


@pytest.fixture
def who() -> str:
    """The name of a small saved dataset."""
    dataset.save("who", ROWS)
    return "who"


@pytest.fixture
def tiny(own_home: Path) -> str:
    """The name of a complete base model without any sense in it."""
    write_talker(home.models_dir() / "tiny")
    return "tiny"


@pytest.fixture
def fake_xtuner(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> Iterator[Behave]:
    """Puts the fake in XTuner's place for every process a run starts; call it with a behaviour.

    Afterwards nothing of any run may be left alive.
    """
    fake = Path(__file__).parent.parent / "fake_xtuner"
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(fake), os.environ.get("PYTHONPATH")))))
    yield lambda behaviour: monkeypatch.setenv("FAKE_XTUNER", behaviour)
    for run in runs.names():
        runs.stop(run)
    wait_for(lambda: not processes_of(own_home))  # a run's last word is spoken a moment before its last breath


def processes_of(own_home: Path) -> list[psutil.Process]:
    """The processes that were started for a run in this HOME, told by their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                place = process.environ().get("HF_DATASETS_CACHE", "")
                found += [process] if place.startswith(str(own_home)) else []
        except psutil.Error:
            continue
    return found


def wait_for(claim: Callable[[], object], seconds: float = 30) -> None:
    """Poll until the claim holds; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def ended(run: str) -> runs.RunStatus:
    """The run's last status, once it has ended."""
    wait_for(lambda: not runs.look(run).live, 120)  # an exam takes its time on a busy machine
    return runs.look(run)
