"""The list of presets: what is chosen there stays chosen."""

from __future__ import annotations

import gradio as gr

from tests.ui.visitor import Visitor, english
from training import presets
from training.preset_file import Preset
from ui.preset_pane import preset_pane


def test_an_answer_that_comes_late_leaves_the_choice_of_a_preset_alone() -> None:
    for name in ("a", "b"):
        presets.save(Preset(name, {"learning_rate": 1e-4}))
    with gr.Blocks() as demo:
        pane = preset_pane(english())
    visitor = Visitor(demo)
    visitor.gets(pane.refreshed())
    late = pane.refreshed("a")
    visitor.enters(pane.chosen, "b")
    visitor.gets(late)
    assert visitor.sees(pane.chosen) == "b"
    presets.delete("b")
    visitor.gets(pane.refreshed("b"))
    assert visitor.sees(pane.chosen) == "a" and visitor.sees(pane.load, "interactive")
