"""The page that anybody may open: the chat with the hosted model. The two other tabs say why they are closed.

It has no event but the chat's, so there is nothing else that a stranger could call.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from serving.album import STRANGERS, Album
from serving.stage import Stage
from serving.visitors import Visitors
from training import hosted
from training.errors import UserError
from training.sentences import sentence
from ui.arrival import Page
from ui.conversation import label, sees
from ui.edge import QUIET, bad_html, plain
from ui.model_pane import adding_html
from ui.sampling_form import sampling_form
from ui.talk import wire_leaving, wire_talk
from ui.talk_pane import Pane, pane_of_talk
from ui.text import Key, Text
from ui.visibility import HIDDEN, seen

TICK = 2.0
"""Seconds between two looks at the model that is being fetched."""


def guest_page(stage: Stage, visitors: Visitors, studio: str = "", problem: UserError | None = None) -> gr.Blocks:
    """The page, not launched yet. `studio` is the path of the whole one, where it exists; it has a password.

    `problem`: why fetching the hosted model could not even begin.
    """
    text = Text()
    closed = Key("hosted.closed", studio) if studio else Key("hosted.closed_here")
    title = " · ".join(sentence("app.title", language) for language in ("zh", "en"))
    with Page(title=title, analytics_enabled=False, fill_width=False) as demo:
        demo.text = text
        with gr.Row(elem_id="header"):
            text.new(gr.Markdown, value=Key("hosted.heading"), elem_id="heading")
            text.switch()
        with gr.Tabs(elem_id="tabs", selected="chat"):
            for tab in ("dataset", "train"):
                with gr.Tab(sentence(f"app.tab_{tab}", text.first), id=tab):
                    text.new(gr.Markdown, value=closed, elem_classes="card-text")
            with gr.Tab(sentence("app.tab_chat", text.first), id="chat"):
                with gr.Row(equal_height=False):
                    with gr.Column(scale=5, min_width=320):
                        pane = pane_of_talk(text, Album(STRANGERS))
                    with gr.Column(scale=2, min_width=260):
                        who, look = _who(text, problem, pane)
                        settings = sampling_form(text, visitors.limits.tokens)
                wire_talk(text, stage, pane, who, settings, visitors)
        wire_leaving(demo, pane.album)
        opened = text.wire(demo, **QUIET)
        opened.then(**look)  # not at the load itself: ui/text.py
    return demo


def _who(text: Text, problem: UserError | None, pane: Pane) -> tuple[gr.State, dict[str, Any]]:
    """Who answers, and how far his model is.

    Returns the (unused) choice of the visitor, who has none, and the arguments of the event that tells it anew.
    """
    with gr.Column(elem_classes="card"):
        text.new(gr.Markdown, value=Key("chat.model_title"), elem_classes="card-title")
        name, state = gr.Markdown(), gr.HTML(visible=HIDDEN)
    timer = gr.Timer(TICK, active=True)

    def look(language: str) -> dict[Any, Any]:
        now = hosted.look()
        html = adding_html(now, language)
        if problem and not now:
            html = bad_html(problem.sentence(language))
        return {
            **pane.showing(sees(hosted.model())),
            name: f"**{plain(label(hosted.model(), language))}**",
            state: gr.update(value=html, visible=seen(html)),
            timer: gr.Timer(active=bool(now and now.live)),
        }

    event = {"fn": look, "inputs": text.language, "outputs": [name, state, timer, *pane.seeing], **QUIET}
    for cause in (timer.tick, text.language.change):
        cause(**event)
    return gr.State(""), event
