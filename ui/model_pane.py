"""A base model from a hub or a folder: where it is, a name, and how far it is. (Adding it: training/models/adding.py.)

The work is done by a process of its own, so a reload of the page finds it again, and so does another visitor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from training.eyes import encoders
from training.models import adding, sources
from training.models.adding import Look
from training.sentences import sentence
from ui.edge import PRIVATE, QUIET, bad_html, info, told
from ui.import_view import progress_html
from ui.publish_view import megabytes
from ui.text import Key, Text
from ui.visibility import HIDDEN, seen

TICK = 0.7
"""Seconds between two looks at a model that is being added."""


@dataclass(frozen=True)
class _Pane:
    """The pane's components."""

    source: gr.Textbox
    name: gr.Textbox
    token: gr.Textbox
    add: gr.Button
    cancel: gr.Button
    state: gr.HTML
    timer: gr.Timer

    @property
    def outputs(self) -> list[Any]:
        return [self.state, self.add, self.cancel, self.timer]

    def showing(self, now: Look | None, language: str) -> dict[Any, Any]:
        """Updates that show how it stands."""
        live = bool(now and now.live)
        return {
            self.state: gr.update(value=adding_html(now, language), visible=seen(now and not now.done)),
            self.add: gr.update(interactive=not live),
            self.cancel: gr.update(visible=seen(live)),
            self.timer: gr.Timer(active=live),
        }


def model_pane(text: Text, model: gr.Dropdown, chosen: Callable[[str, str], Any]) -> None:
    """Make the pane here and wire it; `chosen(language, name)` is the dropdown's update once the model is there."""
    about = "models.about" if sources.takes_folders() else "models.about_hosted"
    with text.new(gr.Accordion, label=Key("models.title"), open=False, elem_classes="card"):
        text.new(gr.Markdown, value=Key(about), elem_classes="card-text")
        example = Key("models.source_example")
        source = text.new(gr.Textbox, label=Key("models.source"), placeholder=example, max_lines=1)
        with gr.Row(elem_classes="actions"):
            name = text.new(gr.Textbox, label=Key("models.name"), max_lines=1, min_width=160)
            token = text.new(gr.Textbox, label=Key("models.token"), type="password", max_lines=1, min_width=160)
        add = text.new(gr.Button, value=Key("models.add"), size="sm")
    # Outside, and active at first: a page that was loaded again shows what is being added, whatever is folded up.
    state, timer = gr.HTML(visible=HIDDEN), gr.Timer(TICK, active=True)
    cancel = text.new(gr.Button, value=Key("models.cancel"), size="sm", visible=HIDDEN)
    _wire(text, _Pane(source, name, token, add, cancel, state, timer), model, chosen)


def _wire(text: Text, pane: _Pane, model: gr.Dropdown, chosen: Callable[[str, str], Any]) -> None:
    @told
    def begin(language: str, source: str, wanted: str, token: str) -> dict[Any, Any]:
        adding.start(source, wanted, token)
        return {pane.token: "", **pane.showing(adding.look(), language)}

    @told
    def look(language: str, source: str | None) -> dict[Any, Any]:
        now = adding.look()
        if not now or not now.done:
            return pane.showing(now, language)
        adding.forget()
        found = pane.showing(None, language)
        if (source or "").strip() == now.source:  # else he is at the next one already
            found |= {pane.source: "", pane.name: ""}
        if now.name in encoders.names():
            info(sentence("models.added_encoder", language, name=now.name))
            return found
        info(sentence("models.added", language, name=now.name))
        return {**found, model: chosen(language, now.name)}

    @told
    def cancel(language: str) -> dict[Any, Any]:
        adding.cancel()
        return pane.showing(None, language)

    given = [text.language, pane.source, pane.name, pane.token]
    gr.on(
        [pane.add.click, pane.source.submit, pane.name.submit, pane.token.submit],
        begin,
        given,
        [pane.token, *pane.outputs],
        **PRIVATE,
    )
    pane.cancel.click(cancel, text.language, pane.outputs, **PRIVATE)
    # Not QUIET: its news is a toast.
    pane.timer.tick(look, [text.language, pane.source], [*pane.outputs, pane.source, pane.name, model], **PRIVATE)
    text.language.change(lambda language: pane.showing(adding.look(), language), text.language, pane.outputs, **QUIET)


def adding_html(now: Look | None, language: str) -> str:
    """How it stands, as a line over a bar, or the reason why it failed."""
    if not now or now.done:
        return ""
    if now.error:
        said = sentence("models.failed", language, source=now.source, reason=now.error.sentence(language))
        return bad_html(said)
    share = float(now.told.get("share", 0.0))
    stage = now.told.get("stage", "asking")
    details = {"name": now.name, "percent": round(100 * share)}
    if stage == "fetch":
        details |= {
            "file": now.told["file"],
            "done": megabytes(now.told["done"]),
            "size": megabytes(now.told["size"]),
        }
    return progress_html(escape(sentence(f"models.{stage}", language, **details)), share)
