"""What a run would take, said before Start; a button measures it with a few real steps. (training/forecast.py)"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from training import forecast, models, probe
from training.eyes import eyes_forecast
from training.eyes.eyes_recipe import EyesRecipe
from training.forecast import Forecast
from training.recipe import Recipe
from training.sentences import sentence
from ui.edge import PRIVATE, plain, told
from ui.run_view import duration, gib
from ui.text import Key, Text
from ui.visibility import HIDDEN, seen

TICK = 0.5
"""Seconds between two looks at the probe."""


@dataclass(frozen=True)
class ForecastPane:
    """The pane's components."""

    said: gr.Markdown
    measure: gr.Button

    @property
    def outputs(self) -> list[Any]:
        return [self.said, self.measure]

    def showing(
        self, name: str, model: str, recipe: Recipe, language: str, eyes: EyesRecipe | None = None
    ) -> dict[Any, Any]:
        """Updates that say what such a run would take."""
        if eyes:  # there is no probe that looks at pictures
            found = eyes_forecast.of(name, model, recipe, eyes)
            return {self.said: said(found, language, False), self.measure: gr.update(visible=HIDDEN)}
        found = forecast.of(name, model, recipe)
        here = model != models.STARTER or models.starter.ready()
        return {
            self.said: said(found, language, here),
            self.measure: gr.update(visible=seen(here and found.source in ("rough", "")), interactive=True),
        }

    def hidden(self) -> dict[Any, Any]:
        """Updates for when there is nothing to say."""
        return {self.said: "", self.measure: gr.update(visible=HIDDEN)}


def said(found: Forecast, language: str, measurable: bool = True) -> str:
    """The forecast in words; `measurable`: whether the button can find out what is not known."""
    return f"{_time_said(found, language, measurable)} {_memory_said(found, language)}".strip()


def _time_said(found: Forecast, language: str, measurable: bool) -> str:
    if found.training is None or found.total is None:
        return sentence("forecast.unknown" if measurable else "forecast.not_measured", language)
    parts = {"training": found.training, "exam": found.exam or 0.0, "merge": found.merge or 0.0}
    times = {key: duration(seconds, language) for key, seconds in parts.items()}
    source = sentence(f"forecast.source_{found.source}", language, run=plain(found.run))
    key = "forecast.total" if found.exam else "forecast.without_exam"
    return sentence(key, language, total=duration(found.total, language), source=source, **times)


def _memory_said(found: Forecast, language: str) -> str:
    if found.memory is None:
        return ""
    key = "forecast.memory" if found.fits else "forecast.memory_short"
    text = sentence(key, language, needed=gib(found.memory.total), free=gib(found.free))
    return text if found.fits else f"**{text}**"


def forecast_pane(text: Text) -> ForecastPane:
    """Make the pane here; wire_measuring() connects it."""
    line = gr.Markdown(elem_classes="plan")
    return ForecastPane(line, text.new(gr.Button, value=Key("forecast.measure"), size="sm", visible=HIDDEN))


def wire_measuring(
    text: Text,
    pane: ForecastPane,
    fields: list[Any],
    recipe: Callable[[Any, str], Recipe],
    explain: dict[str, Any],
) -> None:
    """`fields`: model, dataset, and the settings of which recipe(settings, language) makes a Recipe.

    `explain`: the event that says, in the end, what a run with the settings of that time would take.
    """

    @told
    def measure(language: str, model: str, data: str, *entered: Any) -> Iterator[dict[Any, Any]]:
        probed, live, problem = probe.start(data, model, recipe(entered, language)), True, None
        while live:
            yield {pane.said: sentence("forecast.measuring", language), pane.measure: gr.update(interactive=False)}
            time.sleep(TICK)
            live, problem = probe.look(probed)
        if problem:
            raise problem

    # It takes its time, and another visitor may measure too: its own queue, so that nothing else waits.
    measured = pane.measure.click(measure, [text.language, *fields], pane.outputs, concurrency_limit=4, **PRIVATE)
    measured.then(**explain)
