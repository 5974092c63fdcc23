"""What the page says about how long a run will take."""

from __future__ import annotations

from dataclasses import replace

import gradio as gr

from tests.training.conftest import Behave
from tests.training.conftest import fake_xtuner as fake_xtuner
from tests.training.conftest import tiny as tiny
from tests.training.test_forecast import PLAN
from tests.training.test_forecast import mine as mine
from tests.ui.visitor import Visitor, english
from training import forecast
from ui.forecast_pane import forecast_pane, said, wire_measuring


def test_the_button_that_measures_is_named_only_where_it_is(mine: str, tiny: str) -> None:
    nothing = replace(forecast.of(mine, tiny, PLAN), training=None, memory=None)
    assert "Measure" in said(nothing, "en") and "实测" in said(nothing, "zh")
    assert "Measure" not in said(nothing, "en", False) and "实测" not in said(nothing, "zh", False)


def test_a_measurement_ends_with_the_forecast_of_the_settings_of_that_time(
    fake_xtuner: Behave, mine: str, tiny: str
) -> None:
    fake_xtuner("ok")
    with gr.Blocks() as demo:
        text = english()
        steps, pane = gr.Number(PLAN.steps), forecast_pane(text)
        explain = {
            "fn": lambda now: {pane.said: f"{now} steps", pane.measure: gr.update(interactive=True)},
            "inputs": [steps],
            "outputs": pane.outputs,
        }
        fields = [gr.State(tiny), gr.State(mine), steps]
        wire_measuring(text, pane, fields, lambda entered, _: replace(PLAN, steps=entered[0]), explain)
    visitor = Visitor(demo)
    measuring = visitor.steps(next(each for each in demo.fns.values() if each.name == "measure"))
    next(measuring)
    assert visitor.sees(pane.said).startswith("Measuring") and visitor.sees(pane.measure, "interactive") is False
    visitor.enters(steps, 30)
    list(measuring)
    assert (visitor.sees(pane.said), visitor.sees(pane.measure, "interactive")) == ("30 steps", True)
    assert forecast.of(mine, tiny, PLAN).source == "probe"  # what was wanted is known, too
