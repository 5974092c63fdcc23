from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from serving import giving_way
from serving.process import ModelProcess
from serving.stage import Stage
from tests.serving.puppets import wait_until
from training import runs
from training.runs.status import RunStatus


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The phases of the runs there are, to be changed."""
    phases: dict[str, str] = {}
    monkeypatch.setattr(runs, "names", lambda: list(phases))
    monkeypatch.setattr(runs, "queued", lambda: [run for run, phase in phases.items() if phase == "queued"])
    monkeypatch.setattr(runs, "look", lambda run: RunStatus(run, phases[run]))
    return phases


def stage_with(puppet: Callable[..., ModelProcess], folder: Path) -> Stage:
    stage = Stage(lambda folder: puppet(folder=folder), lambda _: True)
    stage.use(folder).ready()
    return stage


def test_the_chat_model_leaves_when_a_waiting_run_has_its_turn_and_not_before(
    puppet: Callable[..., ModelProcess], tmp_path: Path, queue: dict[str, str]
) -> None:
    stage = stage_with(puppet, tmp_path)
    queue |= {"first": "training", "second": "queued"}
    waiting = giving_way.give_way(stage, frozenset())
    assert waiting == {"second"} and giving_way.give_way(stage, waiting) == waiting and stage.folders == [tmp_path]
    queue |= {"first": "done", "second": "preparing"}
    assert giving_way.give_way(stage, waiting) == frozenset()
    assert stage.folders == [] and stage.released_for == {"second"}


@pytest.mark.parametrize("end", ["stopped", "gone"])
def test_a_run_that_leaves_the_queue_without_going_takes_nothing_from_the_chat(
    puppet: Callable[..., ModelProcess], tmp_path: Path, queue: dict[str, str], end: str
) -> None:
    stage = stage_with(puppet, tmp_path)
    queue["only"] = "queued"
    waiting = giving_way.give_way(stage, frozenset())
    if end == "gone":
        del queue["only"]
    else:
        queue["only"] = end
    giving_way.give_way(stage, waiting)
    assert stage.folders == [tmp_path] and not stage.released_for


def test_the_queue_is_watched_with_nobody_looking(
    puppet: Callable[..., ModelProcess], tmp_path: Path, queue: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(giving_way, "SECONDS_BETWEEN_LOOKS", 0.02)
    stage, ended, looks = stage_with(puppet, tmp_path), threading.Event(), []
    asked = giving_way.give_way
    monkeypatch.setattr(giving_way, "give_way", lambda *at: looks.append(asked(*at)) or looks[-1])
    queue["next"] = "queued"
    thread = giving_way.watch(stage, ended)
    wait_until(lambda: {"next"} in looks)
    queue["next"] = "preparing"
    wait_until(lambda: stage.released_for == {"next"})
    ended.set()
    thread.join(10)
    assert not thread.is_alive() and stage.folders == []
