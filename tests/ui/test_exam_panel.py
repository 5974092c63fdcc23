"""The exam's panel: another checkpoint is chosen and made the model."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest
from playwright.sync_api import expect

from serving.stage import Stage
from tests.ui.test_report_card import report
from tests.ui.visitor import Visitor, english
from training import exam, home
from training.sentences import sentence
from ui import edge
from ui.live_view import RunPanel
from ui.run_panel import run_panel

Page = tuple[RunPanel, Visitor, Callable[[str], None]]


@pytest.fixture
def run() -> str:
    """An ended run with two checkpoints and their exam."""
    return ended_run("one")


def ended_run(name: str) -> str:
    folder = home.runs_dir() / name
    (folder / "work").mkdir(parents=True)
    for step in (40, 60):
        with zipfile.ZipFile(folder / "work" / f"iter_{step}.pth", "w"):
            pass
        exam.save(folder, report(step, "I'm Robin.", "猫会抓老鼠", "Shakespeare"))
    spec = {"name": name, "device": "cpu", "created": 0, "card": {}, "recipe": {"accumulation": 1}}
    (folder / "spec.json").write_text(json.dumps(spec))
    (folder / "status.json").write_text(json.dumps({"run": name, "phase": "done", "total": 60}))
    return name


@pytest.fixture
def page() -> Page:
    """The run's panel, a visitor, and his switch of the language."""
    with gr.Blocks() as demo:
        text = english()
        panel = run_panel(text, Stage())
    visitor = Visitor(demo)

    def switch(language: str) -> None:
        visitor.enters(text.language, language)
        for each in demo.fns.values():
            if (text.language._id, "change") in each.targets:
                list(visitor.steps(each))

    return panel, visitor, switch


def test_a_run_that_sat_an_earlier_exam_is_told_how_to_sit_the_present_one(run: str, page: Page) -> None:
    panel, _, _ = page
    for file in (home.runs_dir() / run / "exam").glob("step_*.json"):
        file.write_text(json.dumps({**json.loads(file.read_text()), "version": 1}))
    shown = panel.exam.rendered(run, "all", "en", None)
    assert f"python -m training exam {run}" in shown[panel.exam.none]["value"]


def test_the_chosen_checkpoint_stays_while_it_exists(run: str, page: Page) -> None:
    panel, visitor, switch = page
    exam_of = panel.exam
    ended_run("other")
    visitor.enters(panel.run, run, "input")
    assert visitor.sees(exam_of.checkpoint) is None
    for field in (exam_of.checkpoint, exam_of.wanted):  # the browser itself copies it
        visitor.enters(field, "one/60")
    visitor.enters(exam_of.scope, "en", "input")
    switch("zh")
    assert visitor.sees(exam_of.checkpoint) == "one/60"
    visitor.enters(panel.run, "other", "input")
    assert visitor.sees(exam_of.checkpoint) is None
    visitor.enters(panel.run, run, "input")
    for field in (exam_of.checkpoint, exam_of.wanted):
        visitor.enters(field, "one/60")
    (home.runs_dir() / run / "work" / "iter_60.pth").unlink()
    visitor.enters(exam_of.scope, "all", "input")
    assert (visitor.sees(exam_of.checkpoint), visitor.sees(exam_of.wanted)) == (None, None)


def test_an_answer_that_comes_late_leaves_the_choice_of_a_checkpoint_alone(run: str, page: Page) -> None:
    exam_of = page[0].exam
    late = exam_of.rendered(run, "all", "en", None)  # asked for before anything was chosen
    assert "value" not in late[exam_of.checkpoint] and "value" not in late[exam_of.wanted]


def test_the_button_says_that_a_checkpoint_has_to_be_chosen(
    run: str, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, visitor, _ = page
    said: list[str] = []
    monkeypatch.setattr(edge, "toast", said.append)
    visitor.enters(panel.run, run, "input")
    visitor.does(panel.exam.make, "click")
    assert said == [sentence("error.no_checkpoint_chosen", "en")]


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_a_checkpoint_chosen_in_the_browser_stays_chosen(run: str, visit: Callable[..., Any]) -> None:
    page = visit("en-US")
    page.get_by_role("tab", name="Train").click()
    chosen = page.get_by_label("Another checkpoint").filter(visible=True).first
    expect(chosen).to_have_value("")
    chosen.click()
    page.get_by_role("option", name="step 60").click()
    page.locator(".report").get_by_text("English", exact=True).click()
    page.locator("#language").get_by_text("中文").click()
    page.get_by_text("设为模型").filter(visible=True).wait_for()
    expect(page.locator(".others input").first).to_have_value("第 60 步")


def test_a_checkpoint_that_cannot_be_made_the_model_leaves_the_button_as_it_was(run: str, page: Page) -> None:
    panel, visitor, _ = page
    visitor.enters(panel.run, run, "input")
    visitor.enters(panel.exam.checkpoint, "one/40")
    (home.runs_dir() / run / "work" / "iter_40.pth").unlink()  # cleaned up on another page
    visitor.does(panel.exam.make, "click")
    assert (visitor.sees(panel.exam.make), visitor.sees(panel.exam.make, "interactive")) == ("Make it the model", True)
