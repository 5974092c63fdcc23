"""Asking twice before something is lost: a question with two buttons, hidden until it is needed.

What a question is about stays with it: the answer acts on that, whatever else is chosen or typed by then.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ui.edge import QUIET, told
from ui.text import Key, Text
from ui.visibility import HIDDEN, classes


@dataclass(frozen=True)
class Confirm:
    """The question's components; `box` is what is shown and hidden."""

    box: gr.Column
    question: gr.Markdown
    subject: gr.Textbox
    """What is asked about, as JSON; hidden. No gr.State: an answer goes with the question that the page shows, and the
    server may have another one on its way."""
    yes: gr.Button
    other: Any = None
    """A third way out, offered first."""

    def ask(self, text: str, *subject: Any) -> dict[Any, Any]:
        """Updates that put the question; `subject` is what the answer will act on, anything that JSON can say."""
        return {
            self.box: gr.update(elem_classes=classes("confirm", True)),
            # Read out by a screen reader, wherever its user is on the page.
            self.question: gr.update(value=f'<div role="alert">\n\n{text}\n\n</div>'),
            self.subject: json.dumps(subject),
        }

    def about(self, act: Callable[..., Any]) -> Callable[..., Any]:
        """The handler of an answer, which does act(language, *what was asked about, *values).

        Its inputs are the language, `subject`, and the components of the values. Works for generators too.
        """

        def streamed(language: str, subject: str, *values: Any) -> Iterator[Any]:
            yield from act(language, *json.loads(subject), *values)

        def called(language: str, subject: str, *values: Any) -> Any:
            return act(language, *json.loads(subject), *values)

        return told(streamed if inspect.isgeneratorfunction(act) else called)

    def hide(self) -> dict[Any, Any]:
        """Updates that take it back."""
        return {self.box: gr.update(elem_classes=classes("confirm", False))}

    @property
    def outputs(self) -> list[Any]:
        return [self.box, self.question, self.subject]


def confirm(text: Text, yes: str, no: str, other: str | None = None, loses: bool = True) -> Confirm:
    """Make the question here, with the keys of what its buttons say. The caller wires all but `no`, which closes it.

    `loses`: whether "yes" loses something, and looks like it.
    """
    with gr.Column(elem_classes=classes("confirm", False)) as box:
        question, subject = gr.Markdown(elem_classes="confirm-question"), gr.Textbox("", visible=HIDDEN)
        with gr.Row(elem_classes="actions"):
            third = text.new(gr.Button, value=Key(other), size="sm", min_width=80) if other else None
            agree = text.new(gr.Button, value=Key(yes), variant="stop" if loses else "primary", size="sm", min_width=80)
            decline = text.new(gr.Button, value=Key(no), size="sm", min_width=80)
    made = Confirm(box, question, subject, agree, third)
    text.takes_back(box, elem_classes=classes("confirm", False))
    decline.click(made.hide, None, made.outputs, **QUIET)
    return made
