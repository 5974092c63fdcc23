"""The section of earlier runs: what is written there, and that the run above follows what is done there."""

from __future__ import annotations

import shutil
from pathlib import Path

import gradio as gr
import pytest

from serving.stage import Stage
from tests.training.exam.test_certificate import run as run
from tests.training.models.tiny import write_talker
from tests.training.published import RUN, put_run
from tests.ui.visitor import Visitor, english
from training import runs
from ui.history_panel import HistoryPanel, history_panel, wire, wire_following
from ui.live_view import RunPanel
from ui.run_panel import run_panel

OTHER, THIRD = "20260102-000000-robin-0002", "20260103-000000-robin-0003"

Page = tuple[Visitor, RunPanel, HistoryPanel]


@pytest.fixture
def page(run: Path, tmp_path: Path) -> Page:
    """Three runs; somebody looks at the first one, which is chosen in the table as well."""
    made = put_run(run, write_talker(tmp_path / "talker"))
    for name in (OTHER, THIRD):
        shutil.copytree(made, made.with_name(name))
        runs.rename(name, f"Robin {name[-1]}")
    with gr.Blocks() as demo:
        text = english()
        above = run_panel(text, Stage())
        section, panel, buttons = history_panel(text)
        explain = {"fn": lambda: None, "inputs": None, "outputs": None}
        changed = wire(text, section, panel, buttons, above.following, above.outputs, lambda *_: {}, [], explain)
        wire_following(text, changed, above)
    visitor = Visitor(demo)
    visitor.gets(above.following(RUN, "en"))
    visitor.gets(panel.refreshed("en", [RUN]))
    return visitor, above, panel


def test_only_the_runs_that_were_asked_about_are_deleted(page: Page) -> None:
    visitor, _, panel = page
    visitor.presses("Delete")
    visitor.gets(panel.refreshed("en", [RUN, OTHER]))
    visitor.presses("Delete for good")
    assert runs.names() == [THIRD, OTHER]
    assert visitor.sees(panel.chosen) == [OTHER] and not visitor.questions


def test_another_run_is_shown_above_when_the_one_there_is_deleted(page: Page) -> None:
    visitor, above, panel = page
    visitor.presses("Delete")
    visitor.presses("Delete for good")
    assert visitor.sees(above.run) == THIRD
    visitor.gets(panel.refreshed("en", [OTHER, THIRD]))
    visitor.presses("Delete")
    visitor.presses("Delete for good")
    assert visitor.sees(above.run) is None and visitor.is_shown(above.nothing) and not visitor.is_shown(above.chat)


def test_the_run_above_stays_when_another_one_is_deleted(page: Page) -> None:
    visitor, above, panel = page
    visitor.gets(panel.refreshed("en", [THIRD]))
    visitor.presses("Delete")
    visitor.presses("Delete for good")
    assert visitor.sees(above.run) == RUN
    assert [value for _, value in visitor.sees(above.run, "choices")] == [OTHER, RUN]


def test_a_renamed_run_is_called_so_above_too(page: Page) -> None:
    visitor, above, _ = page
    visitor.enters("Name", "My best")
    visitor.presses("Save")
    labels = {value: label for label, value in visitor.sees(above.run, "choices")}
    assert "My best" in labels[RUN]


def test_a_half_written_name_and_note_outlive_a_switch_of_the_language(page: Page) -> None:
    visitor, _, panel = page
    visitor.enters("Name", "Half")
    visitor.enters("Note", "It was")
    language = visitor.field("语言 Language")
    visitor.enters(language, "zh", "change")
    assert (visitor.sees(panel.name), visitor.sees(panel.note)) == ("Half", "It was")
    visitor.gets(panel.refreshed("zh", [RUN, OTHER]))
    runs.delete(RUN)
    visitor.does(language, "change")
    assert visitor.sees(panel.name) == "Robin 2", "the one that is left"
