from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import gradio as gr
import pytest

from tests.ui.visitor import Visitor, english
from training.sentences import LANGUAGES, table
from ui.confirm import confirm
from ui.text import Key, Text, preferred

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("app", "chat", "dataset", "error", "note", "reason", "run", "train")


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_keys() -> None:
    assert set(table("zh")) == set(table("en"))


@pytest.mark.parametrize("key", sorted(table("en")))
def test_both_languages_fill_in_the_same_details(key: str) -> None:
    said = {language: table(language)[key] for language in LANGUAGES}
    assert fields(said["zh"]) == fields(said["en"])
    assert all(text.strip() for text in said.values())


def test_every_key_in_the_code_has_its_sentence() -> None:
    keys = set()
    for path in [ROOT / "app.py", *(ROOT / "ui").glob("*.py"), *(ROOT / "training").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and node.func.id in ("Key", "sentence"):
                    keys.add(first.value)
                if isinstance(first, ast.Constant) and node.func.id == "UserError":
                    keys.add(f"error.{first.value}")
    assert len(keys) > 80
    assert keys <= set(table("en"))


def test_no_chinese_is_left_in_the_english_table() -> None:
    allowed = {"app.language", "app.tab_dataset", "app.tab_train", "app.tab_chat"}
    assert [key for key, text in table("en").items() if re.search("[\u4e00-\u9fff]", text) and key not in allowed] == []


def test_a_switch_sends_labels_and_never_values() -> None:
    text = Text()
    with gr.Blocks():
        text.new(gr.Textbox, label=Key("dataset.name"), value="typed")
    (update,) = text.updates("en")
    assert update["label"] == table("en")["dataset.name"] and "value" not in update


def test_a_question_is_taken_back_by_a_switch_of_the_language() -> None:
    with gr.Blocks() as demo:
        text = english()
        sure = confirm(text, "history.delete_yes", "history.no")
        text.wire(demo)
    visitor = Visitor(demo)
    visitor.gets(sure.ask("Delete it?", 1))
    assert visitor.questions
    visitor.enters(text.language, "zh", "change")
    assert not visitor.questions


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("en-US,en;q=0.9,zh;q=0.8", "en"),
        ("en;q=0.5,zh;q=0.9", "zh"),
        ("de-DE", "en"),
        ("rubbish;q=x", "en"),
    ],
)
def test_the_browsers_language_decides_the_first_one(header: str | None, language: str) -> None:
    assert preferred(header) == language
