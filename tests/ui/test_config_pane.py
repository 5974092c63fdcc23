from __future__ import annotations

from collections.abc import Callable

import gradio as gr
import pytest

from tests.training.conftest import tiny as tiny
from tests.training.conftest import who as who
from tests.ui.visitor import Visitor, english
from training import built_in_configs, config_check
from training.config_check import Facts
from ui import edge
from ui.config_pane import ConfigPane, config_pane, facts_html, wire_opening
from ui.recipe_form import recipe_form

NAME = "internlm2_chat_1_8b_dpo_full"
OTHER = "internlm2_chat_1_8b_qlora_alpaca_e3"


@pytest.fixture
def page(who: str, tiny: str) -> tuple[ConfigPane, Visitor, Callable[[str], None]]:
    """The pane, a visitor who has opened a config, and his switch of the language."""
    with gr.Blocks() as demo:
        text = english()
        pane = config_pane(text)
        model, data = gr.Dropdown([tiny], value=tiny), gr.Dropdown([who], value=who)
        wire_opening(text, pane, [model, data, *recipe_form(text).values()])
    visitor = Visitor(demo)
    visitor.enters(pane.words, "internlm2_chat_1_8b", "change")
    visitor.enters(pane.name, NAME)
    visitor.presses("Open")
    return pane, visitor, lambda language: visitor.enters(text.language, language, "change")


Page = tuple[ConfigPane, Visitor, Callable[[str], None]]


def test_what_is_learned_is_marked_and_no_text_becomes_html() -> None:
    example = [("<|im_start|>user\n", False), ("<b>小明</b>", True)]
    html = facts_html(Facts("qlora", 2e-4, 64, 16, 0.1, 1, 16, 128, True, 400, 400, 160, 2, example), 25, "en")
    assert "&lt;|im_start|&gt;user\n<mark>&lt;b&gt;小明&lt;/b&gt;</mark>" in html
    assert "QLoRA, 25 steps of 1 × 16 sequences" in html and "0.0002" in html


def test_a_look_into_the_list_undoes_no_choice(page: Page) -> None:
    pane, visitor, _ = page
    visitor.does(pane.name, "focus")
    assert visitor.sees(pane.name) == NAME and OTHER in visitor.sees(pane.name, "choices")
    visitor.enters(pane.words, OTHER, "change")
    assert visitor.sees(pane.name) == OTHER


def test_a_text_is_compared_with_the_config_that_was_opened(page: Page) -> None:
    pane, visitor, _ = page
    fitted = visitor.sees(pane.diff)
    visitor.enters(pane.name, OTHER)
    visitor.does(pane.editor, "blur")
    assert visitor.sees(pane.diff) == fitted and NAME in fitted
    visitor.enters(pane.editor, built_in_configs.read(NAME))
    visitor.does(pane.editor, "blur")
    assert visitor.sees(pane.diff) == ""


def test_what_was_opened_is_known_after_a_reload(who: str, page: Page) -> None:
    pane, visitor, _ = page
    kept = {name: visitor.sees(field) for name, field in pane.draft.fields.items()}
    with gr.Blocks() as demo:
        text = english()
        again = config_pane(text)
        nothing = [gr.State(None), gr.State(None)]
        gr.Button("Reload").click(**wire_opening(text, again, nothing))
    back = Visitor(demo)
    back.gets({again.draft.fields[name]: value for name, value in kept.items()})
    back.presses("Reload")
    assert back.sees(again.diff) == visitor.sees(pane.diff)
    assert "DPO" in back.sees(again.kind) and back.sees(again.start, "interactive") is False


def test_the_kind_of_a_config_and_what_its_check_found_follow_the_language(page: Page) -> None:
    pane, visitor, switch = page
    visitor.enters(pane.editor, "model = (")
    visitor.presses("Check")
    assert "no valid Python" in visitor.sees(pane.result) and "pairs" in visitor.sees(pane.kind)
    switch("zh")
    assert "不是正确的 Python" in visitor.sees(pane.result) and "成对" in visitor.sees(pane.kind)


def test_what_a_check_found_goes_with_the_text_that_it_was_found_of(page: Page) -> None:
    pane, visitor, _ = page
    visitor.enters(pane.editor, "model = (")
    visitor.presses("Check")
    assert visitor.is_shown(pane.result) and 'role="alert"' in visitor.sees(pane.result)
    visitor.does(pane.editor, "blur")
    assert visitor.is_shown(pane.result)
    visitor.enters(pane.editor, "model = 1", "blur")
    assert not visitor.is_shown(pane.result)


def test_a_check_that_fails_for_a_reason_of_ours_leaves_no_word_that_it_goes_on(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    pane, visitor, _ = page
    said: list[str] = []
    monkeypatch.setattr(edge, "toast", said.append)
    monkeypatch.setattr(config_check, "check", lambda _text: 1 / 0)
    visitor.presses("Check")
    assert said and not visitor.is_shown(pane.result) and visitor.sees(pane.check, "interactive")
