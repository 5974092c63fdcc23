"""Whose answers to general questions are learned: ours, or a model's own, which it gives here. (training/distill.py)"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from training import distill, models
from training.distill import OURS, SUGGESTED
from training.errors import UserError
from training.sentences import sentence
from ui.conversation import model_label
from ui.edge import PRIVATE, QUIET, bad_html, told
from ui.import_view import progress_html
from ui.text import Key, Text
from ui.visibility import HIDDEN, seen

TICK = 1.0
"""Seconds between two looks at a model that answers."""


@dataclass(frozen=True)
class GeneralPane:
    """The pane's components."""

    whose: gr.Dropdown
    state: gr.HTML
    start: gr.Button
    stop: gr.Button
    timer: gr.Timer

    @property
    def outputs(self) -> list[Any]:
        return [self.state, self.start, self.stop, self.timer]

    def choosing(self, whose: str, language: str) -> Any:
        """Update that chooses this one, where it still exists."""
        now = _offered(language)
        return gr.update(**now, value=whose if whose in [value for _, value in now["choices"]] else SUGGESTED)

    def showing(self, whose: str, language: str) -> dict[Any, Any]:
        """Updates that show how far the chosen model is with its answers."""
        if whose in (SUGGESTED, OURS):
            hidden = gr.update(visible=HIDDEN)
            return {self.state: hidden, self.start: hidden, self.stop: hidden, self.timer: gr.Timer(active=False)}
        look = distill.look(whose)
        key = "general.answering" if look.live else "general.complete" if look.complete else "general.partly"
        said = escape(sentence(key, language, done=look.done, of=look.of))
        shown = progress_html(said, look.done / max(1, look.of)) if look.live else f"<p>{said}</p>"
        if look.error:
            shown += bad_html(look.error.sentence(language))
        return {
            self.state: gr.update(value=shown, visible=True),
            self.start: gr.update(visible=seen(not look.live and not look.complete)),
            self.stop: gr.update(visible=seen(look.live)),
            self.timer: gr.Timer(active=look.live),
        }

    def follow(self, event: Any, language: gr.Radio) -> Any:
        """After the event, show how far the chosen model is; goes on as an event."""

        @told
        def look(said: str, whose: str | None) -> dict[Any, Any]:
            return self.showing(whose or SUGGESTED, said)

        return event(look, [language, self.whose], self.outputs, **QUIET)


def general_pane(text: Text) -> GeneralPane:
    """Make the pane here and wire it."""
    whose = text.begin(gr.Dropdown, _offered, value=SUGGESTED)
    text.new(gr.Markdown, value=Key("general.info"), elem_classes="card-text")
    state = gr.HTML(visible=HIDDEN)
    with gr.Row(elem_classes="actions"):
        start = text.new(gr.Button, value=Key("general.start"), size="sm", visible=HIDDEN)
        stop = text.new(gr.Button, value=Key("general.stop"), size="sm", visible=HIDDEN)
    pane = GeneralPane(whose, state, start, stop, gr.Timer(TICK, active=False))
    _wire(text, pane)
    return pane


def _offered(language: str) -> dict[str, Any]:
    fixed = [(sentence("general.suggested", language), SUGGESTED), (sentence("general.ours", language), OURS)]
    own = [(sentence("general.own", language, model=model_label(name, language)), name) for name in models.trainable()]
    return {"choices": fixed + own, "label": sentence("general.title", language)}


def _wire(text: Text, pane: GeneralPane) -> None:
    @told
    def start(language: str, whose: str) -> dict[Any, Any]:
        if whose == models.STARTER and not models.starter.ready():
            raise UserError("distill_starter_missing")
        distill.start(whose)
        return pane.showing(whose, language)

    @told
    def stop(language: str, whose: str) -> dict[Any, Any]:
        distill.stop(whose)
        return pane.showing(whose, language)

    @told
    def offer(language: str) -> Any:
        return gr.update(**_offered(language))

    inputs = [text.language, pane.whose]
    for event in (pane.whose.change, pane.timer.tick, text.language.change):
        pane.follow(event, text.language)
    pane.start.click(start, inputs, pane.outputs, **PRIVATE)
    pane.stop.click(stop, inputs, pane.outputs, **PRIVATE)
    pane.whose.focus(offer, text.language, pane.whose, **QUIET)
    text.language.change(offer, text.language, pane.whose, **QUIET)
