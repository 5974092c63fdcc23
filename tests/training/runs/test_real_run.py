"""The real XTuner on the real starter weights: the demo does the whole job, and a run stops when it is asked to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.conftest import processes_of, wait_for
from training import dataset, demo, identity, models, runs
from training.__main__ import main
from training.persona import Persona
from training.recipe import Recipe
from training.runs import progress

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200)]


def test_the_demo_does_the_whole_job_and_tells_it(
    starter_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In few steps and one language; both languages: tests/ui/test_browser_newcomer.py."""
    monkeypatch.setattr(demo, "MOST", 20)
    code = main(["demo", "--name", "Sunny", "--maker", "Ada", "--languages", "en", "--json"])
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(told["answers"]) == {"你是谁", "Who are you?"} and "Sunny" in told["answers"]["Who are you?"]
    assert told["ok"] is all("Sunny" in answer for answer in told["answers"].values()) is (code == 0)
    assert {"weights", "dataset", "train", "exam", "merge", "total"} == set(told["seconds"]) and told["steps"] == 20
    assert told["exam"]["base"]["recall"] == 0 < told["exam"]["recommended"]["recall"]
    (run,) = runs.names()
    assert Path(told["model"]) == runs.merged(run)
    assert len(progress.points(runs.folder(run))) == 20


def test_a_real_training_that_is_discarded_leaves_no_process(starter_home: Path) -> None:
    dataset.save("sunny", identity.build(Persona("Sunny", "O'Hara {and} 张三")))
    run = runs.start("sunny", models.STARTER, Recipe())
    wait_for(lambda: runs.look(run).phase == "training", seconds=60)
    assert runs.stop(run).phase == "stopped"
    wait_for(lambda: not processes_of(starter_home))
    assert runs.merged(run) is None
