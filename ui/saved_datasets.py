"""The saved datasets: choose one to open or to delete."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import gradio as gr

from training import dataset
from training.errors import UserError
from training.sentences import sentence
from ui.choosing import offered
from ui.confirm import confirm
from ui.edge import PRIVATE, info, plain, told
from ui.text import Key, Text
from ui.visibility import HIDDEN, classes, seen


@dataclass(frozen=True)
class SavedDatasets:
    """The list's components."""

    nothing: gr.Markdown
    something: gr.Column
    chosen: gr.Dropdown
    open: gr.Button
    last: gr.Textbox
    """Which dataset was saved last, and when; hidden, its change is what the rest of the page hears."""

    @property
    def outputs(self) -> list[Any]:
        return [self.nothing, self.something, self.chosen, self.last]

    def saved(self, language: str, name: str) -> dict[Any, Any]:
        """Updates for a dataset that has just been saved, which is then chosen."""
        return {**self.refreshed(language, name), self.last: f"{time.time_ns()}/{name}"}

    def refreshed(self, language: str, name: str | None = None, chosen: str | None = None) -> dict[Any, Any]:
        """Updates that show what is there now, with `name` chosen if it is one of them, else what is `chosen`."""
        names = dataset.names()
        return {
            self.nothing: gr.update(visible=seen(not names)),
            self.something: gr.update(elem_classes=classes("pane", names)),
            self.chosen: offered(names, chosen, name),
        }


def saved_datasets(text: Text) -> SavedDatasets:
    """Make the list here and wire what it can do by itself: deleting."""
    with gr.Column(elem_classes="card"):
        text.new(gr.Markdown, value=Key("dataset.saved_title"), elem_classes="card-title")
        nothing = text.new(gr.Markdown, value=Key("dataset.saved_nothing"), elem_classes="card-text", visible=HIDDEN)
        with gr.Column(elem_classes=classes("pane", False)) as something:
            chosen = text.new(gr.Dropdown, label=Key("dataset.saved_choose"), choices=[])
            with gr.Row(elem_classes="actions"):
                opened = text.new(gr.Button, value=Key("dataset.open"), size="sm", min_width=80)
                deleted = text.new(gr.Button, value=Key("dataset.delete"), size="sm", min_width=80)
            deleting = confirm(text, "dataset.delete_yes", "dataset.delete_no")
    saved = SavedDatasets(nothing, something, chosen, opened, gr.Textbox(visible=HIDDEN))

    @told
    def ask(language: str, name: str | None) -> dict[Any, Any]:
        if not name:
            raise UserError("dataset_not_chosen")
        return deleting.ask(sentence("dataset.delete_ask", language, name=plain(name)), name)

    def delete(language: str, name: str, chosen: str | None) -> dict[Any, Any]:
        dataset.delete(name)
        info(sentence("dataset.deleted", language, name=name))
        return {**saved.refreshed(language, chosen=chosen), **deleting.hide()}

    deleted.click(ask, [text.language, chosen], deleting.outputs, **PRIVATE)
    inputs, outputs = [text.language, deleting.subject, chosen], [*saved.outputs, *deleting.outputs]
    deleting.yes.click(deleting.about(delete), inputs, outputs, **PRIVATE)
    return saved
