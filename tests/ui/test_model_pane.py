"""What the page says of a model that is being added: every stage in both languages, and nothing typed becomes HTML."""

from __future__ import annotations

import gradio as gr
import pytest

from tests.ui.visitor import Visitor, english
from training.errors import UserError
from training.models import adding
from training.models.adding import Look
from training.sentences import LANGUAGES
from ui.model_pane import adding_html, model_pane

FETCHING = {"stage": "fetch", "share": 0.42, "file": "model.safetensors", "done": 3_400_000, "size": 2_000_000_000}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stage", ["fetch", "wait", "copy", "convert", ""])
def test_every_stage_has_its_words_and_its_bar(language: str, stage: str) -> None:
    told = FETCHING if stage == "fetch" else {"stage": stage, "share": 0.42} if stage else {}
    shown = adding_html(Look("hf:a/b", "b", told=told), language)
    assert f"width:{42 if stage else 0}%" in shown and "{" not in shown
    if stage == "fetch":
        assert "42" in shown and "3.4" in shown and "2000 MB" in shown and "model.safetensors" in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_reason_is_said_and_what_was_typed_is_no_html(language: str) -> None:
    error = UserError("model_folder_missing", path="<b>x</b>")
    shown = adding_html(Look("<b>x</b>", "x", error=error), language)
    assert "<b>" not in shown and "&lt;b&gt;" in shown and 'role="alert"' in shown


def test_what_is_done_or_not_there_is_not_shown() -> None:
    assert adding_html(None, "en") == adding_html(Look("hf:a/b", "b", done=True), "en") == ""


def test_a_model_that_has_arrived_leaves_the_next_ones_source_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with gr.Blocks() as demo:
        model_pane(english(), gr.Dropdown(), lambda _language, _name: gr.skip())
    visitor = Visitor(demo)
    (look,) = [each for each in demo.fns.values() if each.name == "look"]
    source = visitor.field("Where the model is")
    monkeypatch.setattr(adding, "look", lambda: Look("hf:a/b", "b", done=True))
    for entered, left in (("hf:c/d", "hf:c/d"), ("hf:a/b", "")):
        visitor.enters(source, entered)
        list(visitor.steps(look))
        assert visitor.sees(source) == left
