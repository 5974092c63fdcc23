"""What the page offers for a run, before anybody clicks."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from serving.stage import Stage
from tests.training.conftest import Behave, ended, wait_for
from tests.training.conftest import fake_xtuner as fake_xtuner
from tests.training.conftest import tiny as tiny
from tests.training.conftest import who as who
from training import runs
from training.recipe import Recipe
from ui.run_actions import RunActions, resume_said, run_actions
from ui.text import Text


@pytest.fixture
def actions() -> RunActions:
    with gr.Blocks():
        return run_actions(Text(), Stage())


def offered(actions: RunActions, run: str, language: str = "en") -> dict[str, Any]:
    updates = actions.rendered(run, runs.look(run), language)
    return {name: updates[getattr(actions, name)] for name in ("resume", "point", "released", "why_not")}


def test_a_resume_may_go_on_from_any_good_checkpoint_or_begin_anew(
    fake_xtuner: Behave, who: str, tiny: str, actions: RunActions
) -> None:
    fake_xtuner("crash")
    run = runs.start(who, tiny, Recipe(steps=10, save_every=2, keep_checkpoints=9, accumulation=2))
    ended(run)
    points = runs.resume_points(run)
    assert points == sorted(points, reverse=True) and len(points) >= 2 and runs.resume_point(run) == points[0]
    found = offered(actions, run)
    steps = [point // 2 for point in points]
    assert found["point"]["choices"] == [
        *((f"Step {step}", point) for step, point in zip(steps, points, strict=True)),
        ("Begin anew", 0),
    ]
    assert found["point"]["value"] == points[0] and found["resume"]["value"] == f"Resume from step {steps[0]}"
    assert resume_said(run, points[1], "zh") == f"从第 {steps[1]} 步继续"
    (runs.folder(run) / "data.json").unlink()
    lost = offered(actions, run)
    assert not lost["resume"]["interactive"] and "data.json" in lost["why_not"]["value"]


def test_a_run_that_took_the_chat_models_memory_says_so_while_it_goes(
    fake_xtuner: Behave, who: str, tiny: str, actions: RunActions
) -> None:
    fake_xtuner("slow")
    run = runs.start(who, tiny, Recipe(steps=500))
    wait_for(lambda: runs.look(run).phase == "training")
    assert offered(actions, run)["released"]["value"] == ""
    actions.stage.released_for |= {run}
    assert "chat model" in offered(actions, run)["released"]["value"]
    runs.stop(run)
    assert offered(actions, run)["released"]["value"] == ""
