"""A conversation's components: what was said, the message with its picture, and the buttons. talk.py lets them act."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from serving.album import Album
from ui.conversation import Turn
from ui.picture_box import GROUP, PictureBox, picture_box
from ui.text import Key, Text
from ui.visibility import classes

SUGGESTIONS = ("who", "maker", "near_miss", "moon")
SIGHTS = ("see", "colour", "count", "who")
"""What is suggested where the model has eyes."""


@dataclass(frozen=True)
class Pane:
    """The conversation and its buttons. `said` is the conversation itself; the chatbot only shows it."""

    said: gr.State
    turn: gr.State
    chat: gr.Chatbot
    status: gr.Markdown
    message: gr.Textbox
    picture: PictureBox
    send: gr.Button
    stop: gr.Button
    retry: gr.Button
    clear: gr.Button
    suggestions: list[tuple[str, gr.Button]]
    """What is asked, and the button."""
    rows: tuple[gr.Row, gr.Row]
    """Of suggestions: for a model without eyes, and for one with eyes."""
    album: Album

    @property
    def outputs(self) -> list[Any]:
        return [self.said, self.chat, self.status, self.message, self.stop, self.picture.value]

    @property
    def seeing(self) -> list[Any]:
        """What changes with the model."""
        return [*self.rows, *self.picture.seeing]

    def showing(self, eyes: bool) -> dict[Any, Any]:
        """Updates for a model with or without eyes."""
        rows = zip(self.rows, (not eyes, eyes), strict=True)
        shown = {row: gr.update(elem_classes=classes("suggestions", wanted)) for row, wanted in rows}
        return {**shown, **self.picture.showing(eyes)}


def pane_of_talk(text: Text, album: Album) -> Pane:
    """Make the components here. The pictures of the talk are kept in `album` until it ends."""
    with gr.Column(elem_id="talk", elem_classes=GROUP):
        turn = gr.State(Turn())
        chat = text.new(
            gr.Chatbot,
            label=Key("chat.title"),
            show_label=False,
            placeholder=Key("chat.nothing"),
            height=420,
            latex_delimiters=[],
            buttons=[],
            elem_classes="chat",
        )
        status = gr.Markdown(elem_classes="plan")
        plain, seeing = (_suggestions(text, names, shown) for names, shown in ((SUGGESTIONS, True), (SIGHTS, False)))
        picture = picture_box(text, album.bounds)
        with gr.Row(elem_classes="ask"):
            message = text.new(
                gr.Textbox,
                label=Key("chat.message"),
                placeholder=Key("chat.message_example"),
                show_label=False,
                lines=1,
                max_lines=6,
                scale=5,
            )
            send = text.new(gr.Button, value=Key("chat.send"), variant="primary", scale=0, min_width=90)
            stop = text.new(gr.Button, value=Key("chat.stop"), scale=0, min_width=90, interactive=False)
        with gr.Row(elem_classes="actions"):
            retry = text.new(gr.Button, value=Key("chat.retry"), size="sm", scale=0, min_width=110)
            clear = text.new(gr.Button, value=Key("chat.clear"), size="sm", scale=0, min_width=110)
        said = gr.State([])
    rows, suggestions = (plain[0], seeing[0]), [*plain[1], *seeing[1]]
    return Pane(said, turn, chat, status, message, picture, send, stop, retry, clear, suggestions, rows, album)


def _suggestions(text: Text, names: tuple[str, ...], shown: bool) -> tuple[gr.Row, list[tuple[str, gr.Button]]]:
    with gr.Row(elem_classes=classes("suggestions", shown)) as row:
        buttons = [
            (name, text.new(gr.Button, value=Key(f"chat.ask_{name}"), size="sm", min_width=100)) for name in names
        ]
    return row, buttons
