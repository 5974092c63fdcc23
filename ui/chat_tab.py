"""Tab 3: talk to a base model or to one that was trained here. The models live in serving's child processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from serving.album import Album
from serving.stage import Stage
from ui.choosing import offered
from ui.compare import compare
from ui.conversation import choices, sees
from ui.edge import PRIVATE, QUIET, told
from ui.publish_panel import publish_panel
from ui.sampling_form import sampling_form
from ui.talk import wire_talk
from ui.talk_pane import pane_of_talk
from ui.text import Key, Text


@dataclass(frozen=True)
class ChatTab:
    """What app.py wires to the other tabs."""

    model: gr.Dropdown
    refresh: Callable[..., Any]
    """(language, model, wanted model or None) -> update of model: what there is now."""
    album: Album
    """The pictures of all talks here."""
    opened: Callable[[Any], None]
    """Wires the event of the page's being opened: what depends on the model that is chosen from the first."""


def chat_tab(text: Text, stage: Stage) -> ChatTab:
    """Make the tab's components here and wire them; all visitors share the `stage`."""
    album = Album()
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            pane = pane_of_talk(text, album)
        with gr.Column(scale=2, min_width=260):
            with gr.Column(elem_classes="card"):
                text.new(gr.Markdown, value=Key("chat.model_title"), elem_classes="card-title")
                model = text.new(gr.Dropdown, label=Key("chat.model"), choices=[], show_label=False)
                refresh = text.new(gr.Button, value=Key("chat.refresh"), size="sm")
            settings = sampling_form(text)
    wire_talk(text, stage, pane, model, settings)
    compared = compare(text, stage, model, album)
    publish_panel(text, model)
    refresh.click(told(refreshed), [text.language, model], model, **PRIVATE)
    text.language.change(refreshed, [text.language, model], model, **QUIET)

    def opened(event: Any) -> None:
        event.then(lambda chosen: pane.showing(sees(chosen)), model, pane.seeing, **QUIET)
        compared(event)

    return ChatTab(model, refreshed, album, opened)


def refreshed(language: str, model: str | None, wanted: str | None = None) -> Any:
    """Update of the model list: what there is now; what was chosen stays chosen while it exists."""
    return offered(choices(language), model, wanted)
