"""A base model from a folder on this machine: its path, a name, and how far it is. (Adding it: models/arrival.py.)

In a room of its own, because it reads the machine's folders: not for visitors of a page that others can reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from training.models import arrival
from training.sentences import sentence
from ui.background import followed
from ui.edge import PRIVATE, info, told
from ui.text import Key, Text
from ui.visibility import HIDDEN


def model_pane(text: Text, model: gr.Dropdown, chosen: Callable[[str, str], Any]) -> None:
    """Make the pane here and wire it; `chosen(language, name)` is the dropdown's update once the model is there."""
    with text.new(gr.Accordion, label=Key("models.title"), open=False, elem_classes="card"):
        text.new(gr.Markdown, value=Key("models.about"), elem_classes="card-text")
        path = text.new(gr.Textbox, label=Key("models.path"), placeholder=Key("models.path_example"), max_lines=1)
        name = text.new(gr.Textbox, label=Key("models.name"), max_lines=1)
        button = text.new(gr.Button, value=Key("models.add"), size="sm")
        progress = gr.HTML(visible=HIDDEN)

    @told
    def add(language: str, folder: str, wanted: str) -> Iterator[dict[Any, Any]]:
        called = arrival.checked_name(wanted if wanted.strip() else Path(folder.strip()).name)

        def work(tell: Callable[[str], None]) -> None:
            arrival.add(folder.strip(), called, lambda stage, share: tell(_bar(stage, share, language)))

        for bar in followed(work):
            yield {progress: gr.update(value=bar, visible=True), button: gr.update(interactive=False)}
        info(sentence("models.added", language, name=called))
        yield {path: "", name: "", model: chosen(language, called)}

    def rest() -> dict[Any, Any]:
        return {progress: gr.update(value="", visible=HIDDEN), button: gr.update(interactive=True)}

    adding = [button.click, path.submit, name.submit]
    # A conversion takes minutes, and another visitor's may wait for it: its own queue, so that nothing else waits.
    event = gr.on(
        adding, add, [text.language, path, name], [progress, button, path, name, model], concurrency_limit=4, **PRIVATE
    )
    event.then(rest, None, [progress, button], **PRIVATE)


def _bar(stage: str, share: float, language: str) -> str:
    said = escape(sentence(f"models.{stage}", language, percent=round(100 * share)))
    return (
        f'<div class="import" role="status"><p>{said}</p>'
        f'<div class="bar"><div style="width:{100 * share:.0f}%"></div></div></div>'
    )
