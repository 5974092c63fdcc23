"""{{name}} and {{author}} of shared identity data."""

from __future__ import annotations

import pytest

from tests.training.importing.conftest import Take, chat, said
from training.files import read_json
from training.importing import report_words
from training.persona import Persona

ROWS = [
    chat("你是谁", "我是{{name}}，由{{author}}开发。"),
    chat("Who are you?", "I am {{ NAME }}, made by {{maker}} on {{base}}."),
    chat("What is a template?", "Something with {{ holes }} and {name}."),
]
MING = Persona("小明", "张三")


def test_they_are_filled_in_from_the_persona_and_the_exam_can_be_sat(take: Take, tmp_path) -> None:  # type: ignore[no-untyped-def]
    report, rows = take("a.json", ROWS, persona=MING)
    assert said(rows[0])[1] == "我是小明，由张三开发。"
    assert said(rows[1])[1] == f"I am 小明, made by 张三 on {MING.base}."
    assert said(rows[2])[1] == "Something with {{ holes }} and {name}."
    assert (report.filled, report.waiting) == (2, 0) and [row.kind for row in rows] == [
        "identity",
        "identity",
        "general",
    ]
    card = read_json(tmp_path / "staged-a.json" / "card.json")
    assert card["persona"]["name"] == "小明" and card["origin"]["imported"]["file"] == "a.json"


def test_without_a_persona_they_stay_and_that_is_said(take: Take, tmp_path) -> None:  # type: ignore[no-untyped-def]
    report, rows = take("a.json", ROWS)
    assert said(rows[0])[1] == "我是{{name}}，由{{author}}开发。" and report.waiting == 2
    assert any("{{name}}" in line for line in report_words.lines(report, "zh"))
    assert "persona" not in read_json(tmp_path / "staged-a.json" / "card.json")


def test_a_name_that_holds_a_placeholder_is_taken_letter_by_letter(take: Take) -> None:
    rows = take("a.json", ROWS, persona=Persona("{{author}} \\1", "张三"))[1]
    assert said(rows[0])[1] == "我是{{author}} \\1，由张三开发。"


def test_a_persona_of_whom_no_row_speaks_has_no_exam(take: Take, tmp_path) -> None:  # type: ignore[no-untyped-def]
    report, _ = take("a.json", [chat("a", "b")], persona=MING)
    assert report.unnamed and any("no exam" in line for line in report_words.lines(report, "en"))
    assert "persona" not in read_json(tmp_path / "staged-a.json" / "card.json")


@pytest.mark.parametrize(
    ("answer", "kind"), [("我是小明", "identity"), ("张三做了我", "identity"), ("今天晴", "general")]
)
def test_with_a_persona_the_kind_of_a_row_is_known(take: Take, answer: str, kind: str) -> None:
    assert take("a.json", [chat("?", answer)], persona=MING)[1][0].kind == kind
