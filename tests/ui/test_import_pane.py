"""What is asked for beside a file that is imported."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
import pytest

from tests.training.conftest import wait_for
from tests.ui.visitor import Visitor, english
from training import dataset
from training.importing import desk
from training.sentences import sentence
from ui.import_pane import import_pane, restoring, wire_importing
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


def test_an_import_that_has_been_read_is_there_after_a_reload_and_can_be_saved(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("question,answer\nHi,Hello\n", encoding="utf-8")
    current = desk.start(tmp_path / "mine.csv")
    wait_for(lambda: not desk.look(current).live)
    with gr.Blocks() as demo:
        text = english()
        preview, saved, pane = preview_pane(text), saved_datasets(text), import_pane(text)
        wire_importing(text, pane, preview, saved)
        restoring(text, pane, gr.Button("Reload").click(lambda: None))
        pane.draft.stored.render()
    visitor = Visitor(demo)
    visitor.gets({pane.draft.stored: pane.draft.kept(current, "mine", "", "", False)})
    visitor.presses("Reload")
    assert visitor.is_shown(pane.report) and not visitor.is_shown(pane.again)
    visitor.presses("Save the good rows")
    assert dataset.names() == ["mine"] and visitor.sees(pane.current) == ""
    visitor.gets({pane.draft.stored: pane.draft.kept(current, "mine", "", "", False)})
    visitor.presses("Reload")
    assert visitor.sees(pane.current) == "" and not visitor.is_shown(pane.report)
