"""Stops, kills and resumes with the real XTuner, and with the real torchrun."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.training.conftest import Behave, ended, processes_of, wait_for
from training import dataset, identity, merge, models, process, runs
from training.persona import Persona
from training.recipe import Recipe
from training.runs import progress

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200)]

PLAN = Recipe(
    steps=20, save_every=4, batch_size=1, max_length=64, evaluation_inputs=("Who are you?",), evaluation_tokens=2
)


@pytest.fixture
def sunny(starter_home: Path) -> str:
    """A saved dataset that has no exam: it would take longer than the training."""
    dataset.save("sunny", identity.build(Persona("Sunny", "O'Hara")))
    return "sunny"


def final(run: str) -> runs.RunStatus:
    wait_for(lambda: not runs.look(run).live, seconds=300)
    return runs.look(run)


def reach(run: str, step: int) -> runs.RunStatus:
    wait_for(lambda: runs.look(run).phase == "training" and runs.look(run).step >= step, seconds=240)
    return runs.look(run)


def losses(run: str) -> dict[int, float]:
    return {point.step: point.loss for point in progress.points(runs.folder(run))}


def test_a_run_that_is_stopped_killed_and_resumed_ends_like_one_that_was_left_alone(
    sunny: str, starter_home: Path
) -> None:
    alone = runs.start(sunny, models.STARTER, PLAN)
    assert (final(alone).phase, final(alone).step) == ("done", 20)

    run = runs.start(sunny, models.STARTER, PLAN)
    reach(run, 2)
    runs.stop(run, keep=True)
    stopped = final(run)
    assert stopped.phase == "stopped" and 2 <= stopped.step < 9 and runs.merged(run)
    runs.resume(run)
    killed = reach(run, stopped.step + 1)
    os.kill(killed.pid, signal.SIGKILL)
    assert final(run).phase == "failed"
    wait_for(lambda: not processes_of(starter_home))
    models.check(runs.folder(run) / "merged")
    runs.resume(run)
    done = final(run)
    assert (done.phase, done.step, done.resumes) == ("done", 20, 2)
    assert done.resumed_from in merge.whole_checkpoints(runs.folder(run) / "work")
    assert 20 in merge.whole_checkpoints(runs.folder(run) / "work")
    assert list(losses(run)) == list(losses(alone)) == list(range(1, 21))
    assert losses(run) == pytest.approx(losses(alone), abs=0.02)
    rates = [[point.learning_rate for point in progress.points(runs.folder(each))] for each in (run, alone)]
    assert rates[0] == pytest.approx(rates[1])


@pytest.mark.parametrize("end", ["discard", "kill"])
def test_the_children_of_torchrun_end_with_their_run(
    fake_xtuner: Behave, who: str, tiny: str, own_home: Path, end: str
) -> None:
    fake_xtuner("torchrun")
    run = runs.start(who, tiny, Recipe(steps=10_000, save_every=5000))

    def workers() -> list[psutil.Process]:
        found = []
        for each in processes_of(own_home):
            try:
                found += [each] if each.environ().get("LOCAL_RANK") else []
            except psutil.Error:
                continue
        return found

    wait_for(lambda: len(workers()) == 2, seconds=120)
    guard = process.guardian(runs.look(run).pid)
    assert guard and not {each.pid for each in workers()} & {child.pid for child in guard.children()}
    if end == "discard":
        assert runs.stop(run).phase == "stopped"
        assert not processes_of(own_home)
    else:
        os.kill(runs.look(run).pid, signal.SIGKILL)
        wait_for(lambda: not processes_of(own_home))
        assert ended(run).phase == "failed"
