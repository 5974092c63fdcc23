"""Choosing what is mixed: how much of each belongs to its name."""

from __future__ import annotations

import gradio as gr
import pytest

from tests.ui.visitor import Visitor, english
from training import dataset
from training.identity import Row
from ui.mix_pane import MixPane, mix_pane, wire_mixing
from ui.preview_pane import preview_pane
from ui.saved_datasets import SavedDatasets, saved_datasets

ROW = Row(({"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}), "general", "en")

Page = tuple[Visitor, MixPane, SavedDatasets]


@pytest.fixture
def page() -> Page:
    for name in ("a", "b", "c", "d"):
        dataset.save(name, [ROW] * 100)
    with gr.Blocks() as demo:
        text = english()
        preview, saved, pane = preview_pane(text), saved_datasets(text), mix_pane(text)
        wire_mixing(text, pane, preview, saved)
    return Visitor(demo), pane, saved


def test_a_dataset_that_is_taken_out_takes_its_ratio_along_and_the_others_keep_theirs(page: Page) -> None:
    visitor, pane, _ = page

    def chosen(*names: str) -> list[float]:
        visitor.enters(pane.chosen, list(names), "change")
        return [visitor.sees(slider) for slider in pane.ratios if visitor.is_shown(slider)]

    assert chosen("a", "b", "c") == [1, 1, 1]
    for slider, ratio in zip(pane.ratios, (1, 0.5, 2)):
        visitor.enters(slider, ratio)
    assert chosen("b", "c") == [0.5, 2]
    assert "250" in visitor.sees(pane.outcome)
    assert chosen("b", "c", "d", "a") == [0.5, 2, 1, 1]


def test_answers_that_come_late_leave_what_is_chosen_and_its_name_alone(page: Page) -> None:
    visitor, pane, saved = page
    visitor.enters(pane.chosen, ["a", "b"])
    (offer,) = visitor.listeners(saved.chosen, "change")
    assert "value" not in offer.fn("en", ["a", "b"])
    (choose,) = visitor.listeners(pane.chosen, "change")
    assert pane.name not in choose.fn("en", ["a", "b"], "typed", "", *[1] * 5)
    assert choose.fn("en", ["a", "b"], "", "", *[1] * 5)[pane.name] == "a-b-mix"
    dataset.delete("b")
    assert offer.fn("en", ["a", "b"])["value"] == ["a"]
