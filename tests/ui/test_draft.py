"""What a browser keeps of a form, and what becomes of it when the form has changed meanwhile."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from tests.ui.visitor import Visitor
from ui.draft import Draft


def draft(**fields: Any) -> Draft:
    with gr.Blocks():
        made = {name: kind() for name, kind in fields.items()}
        return Draft("test", made)


def test_what_was_kept_comes_back() -> None:
    form = draft(name=gr.Textbox, steps=gr.Number)
    assert form.values(form.kept("Robin", 7)) == {"name": "Robin", "steps": 7}


def test_the_draft_of_another_version_of_the_form_is_ignored() -> None:
    kept = draft(name=gr.Textbox).kept("Robin")
    assert draft(name=gr.Textbox).values(kept) == {"name": "Robin"}
    assert draft(name=gr.Number).values(kept) is None
    assert draft(name=gr.Textbox, steps=gr.Number).values(kept) is None
    assert draft(name=lambda: gr.Radio(["a", "b"])).values(draft(name=lambda: gr.Radio(["a"])).kept("a")) is None


@pytest.mark.parametrize("stored", [None, "", [], {}, {"form": 1}, {"form": "x", "values": {}}])
def test_whatever_else_lies_in_the_browser_is_no_draft(stored: Any) -> None:
    assert draft(name=gr.Textbox).values(stored) is None


def test_a_draft_whose_values_were_tampered_with_is_ignored() -> None:
    form = draft(name=gr.Textbox)
    assert form.values({**form.kept("x"), "values": ["x"]}) is None
    assert form.values({**form.kept("x"), "values": {"other": "x"}}) is None


def test_what_was_entered_before_the_draft_came_back_stays() -> None:
    with gr.Blocks() as demo:
        name, steps, opened = gr.Textbox(), gr.Number(3), gr.Button("open")
        form = Draft("test", {"name": name, "steps": steps})
        form.restore(
            opened.click(lambda: None),
            gr.State("en"),
            lambda _language, values: {form.fields[field]: value for field, value in values.items()},
        )
        form.stored.render()
    visitor = Visitor(demo)
    visitor.gets({form.stored: form.kept("Robin", 7)})
    visitor.enters(name, "Ro", "change")
    visitor.presses("open")
    assert (visitor.sees(name), visitor.sees(steps)) == ("Ro", 7)
    assert form.values(visitor.sees(form.stored)) == {"name": "Ro", "steps": 7}
