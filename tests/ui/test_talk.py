"""A conversation's handlers, called as Gradio calls them, without a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest

from serving.album import Album
from serving.stage import Stage
from ui import talk
from ui.conversation import Turn
from ui.talk_pane import Pane, pane_of_talk
from ui.text import Text


@pytest.fixture
def made() -> tuple[Pane, Any]:
    """The pane, and the handler that answers."""
    text = Text()
    with gr.Blocks() as demo:
        text.switch()
        pane = pane_of_talk(text, Album())
        talk.wire_talk(text, Stage(), pane, gr.State(""), {})
    return pane, next(each.fn for each in demo.fns.values() if getattr(each.fn, "__name__", "") == "answer")


def pieces(pane: Pane, *texts: str) -> Any:
    def answering(*_: Any) -> Iterator[dict[Any, Any]]:
        for text in texts:
            yield {pane.said: [{"role": "assistant", "content": text}]}

    return answering


def test_what_was_cleared_while_it_was_answered_stays_cleared(
    made: tuple[Pane, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (pane, answer), turn = made, Turn()
    monkeypatch.setattr(talk, "_answer", pieces(pane, "Once", "Once upon"))
    turn.ask()
    updates = answer("en", None, turn, [], "starter")
    next(updates)  # it begins
    assert next(updates)[pane.said][0]["content"] == "Once"
    turn.clear()
    assert list(updates) == [{pane.said: [], pane.chat: []}]
    assert not turn.open


def test_what_is_asked_after_a_clearing_is_not_cleared_by_the_old_answer(
    made: tuple[Pane, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (pane, answer), turn = made, Turn()
    monkeypatch.setattr(talk, "_answer", pieces(pane, "Once", "Once upon"))
    turn.ask()
    updates = answer("en", None, turn, [], "starter")
    next(updates)
    turn.clear()
    turn.ask()
    assert list(updates) == [] and turn.open
