"""The dataset tab's form: what is wrong with it, and what comes back after a reload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest

from tests.training.conftest import tiny as tiny
from tests.ui.visitor import Visitor, english
from training import dataset
from training.distill import SUGGESTED
from training.identity import Row
from ui.dataset_tab import DatasetTab, dataset_tab

Page = tuple[DatasetTab, Any, Visitor, Callable[[str], None], Callable[[], None]]


@pytest.fixture
def page() -> Page:
    """The tab and its page, a visitor, his switch of the language, and the page's being opened."""
    with gr.Blocks() as demo:
        text = english()
        tab = dataset_tab(text)
        opened = demo.load(lambda: None)
        tab.restore(opened)
        for draft in tab.drafts:
            draft.stored.render()
    visitor = Visitor(demo)

    def switch(language: str) -> None:
        visitor.enters(text.language, language)
        for each in _named(demo, "translate"):
            list(visitor.steps(each))

    def open_page() -> None:
        for each in _named(demo, "restored")[:1]:
            list(visitor.steps(each))

    return tab, demo, visitor, switch, open_page


def _named(demo: Any, name: str) -> list[Any]:
    return [each for each in demo.fns.values() if each.name == name]


def test_whose_general_answers_were_chosen_is_known_after_a_reload(tiny: str, page: Page) -> None:
    tab, _, visitor, _, open_page = page
    draft = tab.drafts[0]
    whose = draft.fields["general"]
    entered = {name: visitor.sees(field) for name, field in draft.fields.items()}
    visitor.gets({draft.stored: draft.kept(*{**entered, "general": tiny}.values())})
    open_page()
    assert visitor.sees(whose) == tiny
    assert visitor.is_shown(visitor.button("Let it answer"))  # how far it is is looked at, too
    visitor.gets({draft.stored: draft.kept(*{**entered, "general": "gone"}.values())})
    open_page()
    assert visitor.sees(whose) == SUGGESTED


def test_what_is_wrong_with_the_form_follows_the_language(page: Page) -> None:
    tab, demo, visitor, switch, _ = page
    visitor.presses("Build the conversations")
    switch("zh")
    name = tab.drafts[0].fields["name"]
    said = next(each.outputs[0] for each in _named(demo, "build"))
    assert "名字" in visitor.sees(said)
    visitor.gets({name: "小明", tab.drafts[0].fields["maker"]: "张三"})
    switch("en")
    assert visitor.sees(said) == ""


def test_only_a_dataset_that_is_really_saved_is_heard_of_by_the_rest_of_the_page(page: Page) -> None:
    tab, _, visitor, _, _ = page
    dataset.save(
        "mine", [Row(({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}), "general", "en")]
    )
    visitor.enters("Assistant's name", "Robin")
    visitor.enters("Author or team", "Ada")
    visitor.presses("Build the conversations")
    name = visitor.listeners(visitor.button("Save"), "click")[0].inputs[-1]
    visitor.enters(name, "..")
    visitor.presses("Save")
    visitor.enters(name, "mine")
    visitor.presses("Save")
    assert visitor.questions and not visitor.sees(tab.saved.last)
    visitor.presses("Replace it")
    assert visitor.sees(tab.saved.last).endswith("/mine")
