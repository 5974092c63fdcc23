"""What is asked for beside a file that is imported."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest

from tests.training.conftest import wait_for
from tests.ui.visitor import Visitor, english
from training.importing import desk
from training.sentences import sentence
from ui.import_pane import import_pane, wire_importing
from ui.preview_pane import preview_pane
from ui.saved_datasets import saved_datasets


@pytest.mark.parametrize("entered", ["Assistant's name (optional)", "Author (optional)"])
def test_a_name_without_its_maker_is_mended_and_the_file_read_again(tmp_path: Path, entered: str) -> None:
    with gr.Blocks() as demo:
        text = english()
        preview, saved, pane = preview_pane(text), saved_datasets(text), import_pane(text)
        wire_importing(text, pane, preview, saved)
    (tmp_path / "mine.csv").write_text("question,answer\nHi,Hello\n", encoding="utf-8")
    visitor = Visitor(demo)
    visitor.enters(entered, "Robin")
    visitor.enters(pane.file, str(tmp_path / "mine.csv"), "upload")
    assert visitor.sees(pane.current) == "" and not visitor.is_shown(pane.report)
    for field in (pane.name, pane.maker):
        visitor.enters(field, "Robin")
    visitor.presses(sentence("import.again", "en"))
    current = visitor.sees(pane.current)
    wait_for(lambda: not desk.look(current).live)
    assert desk.look(current).report
