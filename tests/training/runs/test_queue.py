from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.training.conftest import Behave, ended, processes_of, wait_for
from training import runs
from training.errors import UserError
from training.recipe import Recipe
from training.runs import queue

SHORT, LONG = Recipe(steps=2, save_every=1), Recipe(steps=500, save_every=2)


@pytest.fixture
def first(fake_xtuner: Behave, who: str, tiny: str) -> str:
    """A run that trains for longer than any test."""
    fake_xtuner("slow")
    run = runs.start(who, tiny, LONG, "first")
    wait_for(lambda: runs.look(run).step >= 1)
    return run


def queue_up(who: str, tiny: str, *names: str) -> list[str]:
    return [runs.start(who, tiny, SHORT, name, queue=True) for name in names]


def test_a_queued_run_says_whom_it_waits_for_and_trains_when_its_turn_comes(first: str, who: str, tiny: str) -> None:
    (second,) = queue_up(who, tiny, "second")
    wait_for(lambda: runs.look(second).note)
    waiting = runs.look(second)
    assert (waiting.phase, waiting.live, runs.queued(), runs.active()) == ("queued", True, [second], first)
    assert first in waiting.note_sentence("zh")
    runs.stop(first)
    final = ended(second)
    assert final.phase == "done" and final.seconds["queued"] > 0
    assert runs.queued() == []


def test_a_run_that_has_ended_is_not_looked_at_again(
    fake_xtuner: Behave, who: str, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.start(who, tiny, SHORT)
    ended(run)
    looked: list[str] = []
    look = queue.record.look
    monkeypatch.setattr(queue.record, "look", lambda name: looked.append(name) or look(name))  # type: ignore[func-returns-value]
    assert [queue.queued() for _ in range(3)] == [[]] * 3 and looked in ([], [run])


def test_the_order_of_the_queue_can_be_changed_and_is_kept(first: str, who: str, tiny: str) -> None:
    second, third, fourth = queue_up(who, tiny, "second", "third", "fourth")
    assert runs.queued() == [second, third, fourth]
    runs.reorder(fourth, 0)
    runs.reorder(second, 99)
    assert runs.queued() == [fourth, third, second]
    runs.stop(first)
    finals = [ended(run) for run in (fourth, third, second)]
    assert [final.phase for final in finals] == ["done"] * 3
    assert sorted(finals, key=lambda final: final.finished or 0) == finals
    with pytest.raises(UserError) as caught:
        runs.reorder(second, 0)
    assert caught.value.code == "run_not_queued"


@pytest.mark.parametrize("text", ["", "{", "{}", '["nobody", 3]'])
def test_a_lost_order_lets_the_older_go_first(first: str, who: str, tiny: str, own_home: Path, text: str) -> None:
    waiting = queue_up(who, tiny, "second", "third")
    (own_home / "runs" / "queue.json").write_text(text)
    assert sorted(runs.queued()) == sorted(waiting) and runs.queued() == sorted(waiting)
    runs.reorder(waiting[0], 0)
    assert runs.queued()[0] == waiting[0]


def test_a_run_is_taken_out_of_the_queue_at_once_whether_kept_or_not(first: str, who: str, tiny: str) -> None:
    second, third = queue_up(who, tiny, "second", "third")
    assert runs.stop(second).reason == {"reason": "discarded_in_queue", "step": 0}
    assert runs.stop(third, keep=True).phase == "stopped"
    assert runs.queued() == [] and runs.look(first).live


def test_a_killed_waiting_run_does_not_hold_the_others_up_and_can_be_put_back(
    first: str, who: str, tiny: str, own_home: Path
) -> None:
    second, third = queue_up(who, tiny, "second", "third")
    os.kill(runs.look(second).pid, signal.SIGKILL)
    wait_for(lambda: not runs.look(second).live)
    lost = runs.look(second)
    assert (lost.phase, lost.reason) == ("failed", {"reason": "queue_lost"}) and lost.reason_sentence("en")
    assert runs.queued() == [third]
    assert runs.resumable(second) is None
    runs.resume(second, queue=True)
    assert runs.queued() == [third, second]
    runs.stop(first)
    assert ended(third).phase == ended(second).phase == "done"
    wait_for(lambda: not processes_of(own_home))


def test_without_the_queue_nobody_overtakes_a_run_that_waits(first: str, who: str, tiny: str) -> None:
    queue_up(who, tiny, "second")
    with pytest.raises(UserError) as caught:
        runs.start(who, tiny, SHORT)
    assert caught.value.code == "run_active" and len(runs.names()) == 2


def test_runs_on_other_devices_do_not_wait_for_each_other() -> None:
    def needs(device: str, *gpus: int) -> frozenset[str]:
        return queue.devices({"device": device, "recipe": {"gpus": gpus}})

    overlap = queue._overlap
    assert overlap(needs("cpu"), needs("cpu")) and not overlap(needs("cpu"), needs("cuda"))
    assert overlap(needs("cuda"), needs("cuda", 1)) and not overlap(needs("cuda", 0), needs("cuda", 1))
    assert overlap(needs("cuda", 0, 1), needs("cuda", 1))
