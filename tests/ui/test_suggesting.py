"""The form follows model and dataset, and leaves alone what is the visitor's own."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from serving.stage import Stage
from tests.training.conftest import Behave, ended
from tests.training.conftest import fake_xtuner as fake_xtuner
from tests.training.conftest import tiny as tiny
from tests.training.conftest import who as who
from tests.ui.visitor import Visitor, english
from training import dataset, runs
from training.identity import Row
from ui.train_tab import TrainTab, train_tab

Page = tuple[Visitor, TrainTab, Any]


@pytest.fixture
def page(who: str, tiny: str) -> Page:
    """Model and dataset are chosen, and what suits them is filled in; there is another, bigger dataset."""
    row = Row(({"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}), "general", "en")
    dataset.save("big", [row] * 3000)
    with gr.Blocks() as demo:
        tab = train_tab(english(), Stage())
        tab.drafts[0].stored.render()
    visitor = Visitor(demo)
    visitor.gets({tab.model: tiny})
    visitor.enters(tab.dataset, who, "change")
    return visitor, tab, demo


def shown(visitor: Visitor, tab: TrainTab) -> dict[str, Any]:
    fields = {name: field for name, field in tab.drafts[0].fields.items() if not name.startswith("suggested")}
    return {name: visitor.sees(field) for name, field in fields.items()}


def test_the_settings_copied_from_a_run_stay_when_another_dataset_is_chosen(
    page: Page, who: str, fake_xtuner: Behave
) -> None:
    visitor, tab, demo = page
    fake_xtuner("crash")
    visitor.presses("Start training")
    (run,) = runs.names()
    ended(run)
    usual = shown(visitor, tab)
    visitor.enters(tab.dataset, "big", "change")
    assert shown(visitor, tab)["steps"] != usual["steps"], "another dataset, other settings"
    (copy,) = [each for each in demo.fns.values() if each.name == "copy"]
    visitor.gets({copy.inputs[1]: [run]})
    list(visitor.steps(copy))
    assert shown(visitor, tab) == usual
    for name in (who, "big"):
        visitor.enters(tab.dataset, name, "change")
    assert shown(visitor, tab) == {**usual, "dataset": "big"}


def test_a_setting_that_stays_as_it_is_is_not_sent(page: Page) -> None:
    visitor, tab, demo = page
    follow = next(each for each in demo.fns.values() if each.name == "follow")
    answer = follow.fn(*[visitor.sees(each) for each in follow.inputs])
    sent = {name for name, field in tab.drafts[0].fields.items() if field in answer}
    assert sent == {"suggested", "suggested_eyes"}


def test_the_lists_of_models_and_datasets_follow_the_language_and_what_is_chosen_stays(page: Page, who: str) -> None:
    visitor, tab, _ = page
    visitor.gets(dict(zip((tab.model, tab.dataset), tab.refresh("en", "tiny", who))))
    language = visitor.field("语言 Language")
    labels = dict(map(reversed, visitor.sees(tab.model, "choices")))
    visitor.enters(language, "zh", "change")
    assert dict(map(reversed, visitor.sees(tab.model, "choices")))["starter"] != labels["starter"]
    assert visitor.sees(tab.dataset) == who


def test_the_button_that_starts_an_own_config_says_so_until_that_has_ended(page: Page) -> None:
    visitor, _, _ = page
    (start,) = visitor.listeners(visitor.button("Start with this config"), "click")
    steps, button = visitor.steps(start), visitor.button("Start with this config")
    next(steps)
    assert visitor.sees(button) == "Checking, then starting…" and visitor.sees(button, "interactive") is False
    list(steps)  # nothing is in the editor: a toast says so
    assert visitor.sees(button) == "Start with this config" and visitor.sees(button, "interactive")
    assert not runs.names()
