"""What a look at a run sends to the page, and what it spares it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gradio as gr
import pytest

from serving.stage import Stage
from tests.training.conftest import Behave, ended
from tests.training.conftest import fake_xtuner as fake_xtuner
from tests.training.conftest import tiny as tiny
from tests.training.conftest import who as who
from training import runs
from training.recipe import Recipe
from ui import live_view
from ui.glimpse import glimpse
from ui.live_view import Looking, RunPanel
from ui.run_panel import run_panel
from ui.text import Text


@pytest.fixture
def panel() -> RunPanel:
    text = Text()
    with gr.Blocks():
        text.switch()
        return run_panel(text, Stage())


def test_a_curve_is_drawn_again_when_it_has_grown_by_some_hundredths_and_when_the_training_ends(
    fake_xtuner: Behave, who: str, tiny: str, panel: RunPanel, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_xtuner("ok")
    run = runs.start(who, tiny, Recipe(steps=10))
    ended(run)
    last, shown = glimpse(run), dict[str, Any]()

    def draws(step: int, phase: str = "training", measure: str = "loss") -> bool:
        nonlocal shown
        moment = replace(last, status=replace(last.status, step=step, phase=phase), curve=f"of {phase} {step}")
        shown, updates = panel.flowing(run, "en", Looking(measure), shown, moment)
        return panel.plot in updates

    assert [step for step in range(1, 6) if draws(step)] == [1, 2, 3, 4, 5]
    assert [step for step in range(100, 111) if draws(step)] == [100, 103, 107]
    assert draws(110, measure="grad_norm") and draws(110)
    assert draws(110, "examining") and not draws(110, "examining")
    assert draws(90)  # resumed from a checkpoint before
    assert not draws(91)
    monkeypatch.setattr(live_view, "LATEST", 0)
    assert draws(91) and not draws(91)  # slow steps, and none
