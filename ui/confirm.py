"""Asking twice before something is lost: a question with two buttons, hidden until it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.edge import QUIET
from ui.text import Key, Text
from ui.visibility import classes


@dataclass(frozen=True)
class Confirm:
    """The question's components; `box` is what is shown and hidden."""

    box: gr.Column
    question: gr.Markdown
    yes: gr.Button
    other: Any = None
    """A third way out, offered first."""

    def ask(self, text: str) -> dict[Any, Any]:
        """Updates that put the question."""
        return {self.box: gr.update(elem_classes=classes("confirm", True)), self.question: gr.update(value=text)}

    def hide(self) -> dict[Any, Any]:
        """Updates that take it back."""
        return {self.box: gr.update(elem_classes=classes("confirm", False))}

    @property
    def outputs(self) -> list[Any]:
        return [self.box, self.question]


def confirm(text: Text, yes: str, no: str, other: str | None = None, loses: bool = True) -> Confirm:
    """Make the question here, with the keys of what its buttons say. The caller wires all but `no`, which closes it.

    `loses`: whether "yes" loses something, and looks like it.
    """
    with gr.Column(elem_classes=classes("confirm", False)) as box:
        question = gr.Markdown(elem_classes="confirm-question")
        with gr.Row(elem_classes="actions"):
            third = text.new(gr.Button, value=Key(other), size="sm", min_width=80) if other else None
            agree = text.new(gr.Button, value=Key(yes), variant="stop" if loses else "primary", size="sm", min_width=80)
            decline = text.new(gr.Button, value=Key(no), size="sm", min_width=80)
    made = Confirm(box, question, agree, third)
    decline.click(made.hide, None, made.outputs, **QUIET)
    return made
