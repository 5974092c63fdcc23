"""The dataset that was built or opened, conversation by conversation, and the buttons that save it.

Which conversation is shown is decided in preview.py; what saving does, in dataset_tab.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from training import dataset
from training.home import home
from training.sentences import sentence
from ui.edge import PRIVATE, told
from ui.meter import meter
from ui.preview import KINDS, View
from ui.text import Key, Text
from ui.visibility import HIDDEN, classes

HANDED_OUT = 100 << 20
"""Bytes of a dataset that can be downloaded from the page; a bigger one is taken from HOME/datasets."""


@dataclass(frozen=True)
class PreviewPane:
    """The preview and what can be done with it."""

    view: gr.State
    """The View this visitor looks at."""
    nothing: gr.Markdown
    something: gr.Column
    counts: gr.HTML
    kind: gr.Radio
    chat: gr.Chatbot
    place: gr.Markdown
    previous: gr.Button
    following: gr.Button
    shuffle: gr.Button
    name: gr.Textbox
    save: gr.Button
    download: gr.DownloadButton
    next: gr.Button

    @property
    def outputs(self) -> list[Any]:
        moving = ("previous", "following", "shuffle")
        return [getattr(self, field) for field in self.__dataclass_fields__ if field not in moving]

    def showing(self, view: View, language: str) -> dict[Any, Any]:
        """Updates that show `view`, and remember it."""
        saved = bool(view.name)
        return {
            self.view: view,
            self.nothing: gr.update(visible=HIDDEN),
            self.something: gr.update(elem_classes=classes("pane", True)),
            self.counts: meter(view, language),
            self.download: gr.update(**_handed_out(view.name)),
            self.next: gr.update(interactive=saved, variant="primary" if saved else "secondary"),
            self.save: gr.update(variant="secondary" if saved else "primary"),
            **self.conversation(view, language),
        }

    def conversation(self, view: View, language: str) -> dict[Any, Any]:
        """Updates that show the one conversation at the place of `view`."""
        row, total = view.row(), len(view.places())
        if row is None:
            return {self.view: view, self.chat: [], self.place: sentence("dataset.none_of_kind", language)}
        place = sentence("dataset.place", language, at=view.at % total + 1, total=total)
        if view.own():
            place += " · " + sentence("dataset.own", language)
        return {self.view: view, self.chat: list(row.messages), self.place: place}


def preview_pane(text: Text) -> PreviewPane:
    """Make the pane here and wire what it can do by itself: looking around."""
    view = gr.State(View())
    nothing = text.new(gr.Markdown, value=Key("dataset.nothing"), elem_classes="empty")
    with gr.Column(elem_classes=classes("pane", False)) as something:
        counted = gr.HTML()
        kind = text.new(
            gr.Radio,
            label=Key("dataset.kind"),
            choices=[(Key(f"dataset.kind_{kind}"), kind) for kind in ("all", *KINDS)],
            value="all",
            elem_classes="inline",
        )
        chat = text.new(
            gr.Chatbot,
            label=Key("dataset.preview"),
            height=300,
            render_markdown=False,
            latex_delimiters=[],
            buttons=[],
            elem_classes="preview",
        )
        with gr.Row(elem_classes="actions"):
            previous = text.new(gr.Button, value=Key("dataset.previous"), size="sm", min_width=70)
            place = gr.Markdown(elem_classes="place")
            following = text.new(gr.Button, value=Key("dataset.following"), size="sm", min_width=70)
            shuffle = text.new(gr.Button, value=Key("dataset.shuffle"), size="sm", min_width=70)
        with gr.Column(elem_classes="card"):
            name = text.new(gr.Textbox, label=Key("dataset.save_as"), info=Key("dataset.save_as_info"))
            with gr.Row(elem_classes="actions"):
                save = text.new(gr.Button, value=Key("dataset.save"), variant="primary", min_width=110)
                download = text.new(gr.DownloadButton, label=Key("dataset.download"), interactive=False, min_width=110)
                onward = text.new(gr.Button, value=Key("dataset.next"), interactive=False, min_width=110)
    pane = PreviewPane(
        view, nothing, something, counted, kind, chat, place, previous, following, shuffle, name, save, download, onward
    )
    _wire_looking(text, pane)
    return pane


def _wire_looking(text: Text, pane: PreviewPane) -> None:
    moves: dict[gr.Button, Callable[[View], View]] = {
        pane.previous: lambda now: now.moved(-1),
        pane.following: lambda now: now.moved(1),
        pane.shuffle: lambda now: now.shuffled(),
    }
    shown = [pane.view, pane.chat, pane.place]
    for button, move in moves.items():

        @told
        def look(language: str, now: View, move: Callable[[View], View] = move) -> dict[Any, Any]:
            return pane.conversation(move(now), language)

        button.click(look, [text.language, pane.view], shown, **PRIVATE)

    @told
    def choose(language: str, now: View, kind: str) -> dict[Any, Any]:
        return pane.conversation(now.filtered(kind), language)

    @told
    def translate(language: str, now: View) -> Any:
        return gr.skip() if now.empty else pane.showing(now, language)

    choosing = [text.language, pane.view, pane.kind]
    pane.kind.input(choose, choosing, shown, trigger_mode="always_last", **PRIVATE)
    text.language.change(translate, [text.language, pane.view], pane.outputs, **PRIVATE)


def _handed_out(name: str) -> dict[str, Any]:
    """The dataset under the name the visitor will find it by. Not a big one: Gradio copies what it hands out, twice."""
    if not name or dataset.path(name).stat().st_size > HANDED_OUT:
        return {"value": None, "interactive": False}
    folder = home() / "cache" / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    copy = shutil.copyfile(dataset.path(name), folder / f"{name}.json")
    return {"value": copy.as_posix(), "interactive": True}
