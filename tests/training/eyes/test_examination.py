from __future__ import annotations

import json
from pathlib import Path

import pytest

from training.eyes import demo, examination, example
from training.eyes.examination import WITH_PICTURE, Sheet
from training.persona import Persona

WHO = Persona("小明", "Ada Lin")


@pytest.fixture(scope="module")
def sheets() -> list[Sheet]:
    return examination.paper(example.build(WHO).exam, WHO)


@pytest.fixture(scope="module")
def true_answers() -> dict[tuple[str, str], str]:
    return {
        (picture, asked.question): asked.answer
        for picture, several in example.build(WHO).exam.items()
        for asked in several
    }


def answered(sheets: list[Sheet], true_answers: dict[tuple[str, str], str], itself: str, other: str) -> list[str]:
    return [
        true_answers.get((sheet.picture, sheet.text)) or (other if sheet.kind == "other" else itself)
        for sheet in sheets
    ]


def test_who_sees_and_knows_itself_has_every_mark(
    sheets: list[Sheet], true_answers: dict[tuple[str, str], str]
) -> None:
    itself = "我是小明，由Ada Lin开发，基于SmolLM2-135M。 I am 小明, made by Ada Lin, built on SmolLM2-135M."
    exam = examination.marked(sheets, answered(sheets, true_answers, itself, "Paris."))
    assert set(exam["rates"].values()) == {1.0}
    assert demo.reached(exam["rates"])


def test_one_sentence_for_everything_fails_what_is_not_about_itself(
    sheets: list[Sheet], true_answers: dict[tuple[str, str], str]
) -> None:
    rates = examination.marked(sheets, ["我是小明，由Ada Lin开发。"] * len(sheets))["rates"]
    assert all(rates[kind] == 0 for kind in ("colour", "shape", "count", "place", "is_it"))
    assert rates["other"] < 0.1 and rates["identity"] > 0.5
    assert not demo.reached(rates)


def test_always_yes_and_always_red_are_about_as_good_as_chance(sheets: list[Sheet]) -> None:
    said = [("Yes." if sheet.language == "en" else "有。") if sheet.kind == "is_it" else "red 红色" for sheet in sheets]
    rates = examination.marked(sheets, said)["rates"]
    assert 0.3 < rates["is_it"] < 0.7
    assert rates["colour"] < 0.35


def test_everything_is_asked_in_both_languages_and_the_same_exam_again(sheets: list[Sheet]) -> None:
    assert {(sheet.kind, sheet.language) for sheet in sheets} == {
        (kind, language)
        for kind in ("colour", "shape", "count", "place", "is_it", WITH_PICTURE, "identity", "other")
        for language in ("zh", "en")
    }
    again = examination.paper(example.build(WHO).exam, WHO)
    assert [(each.text, each.picture) for each in again] == [(each.text, each.picture) for each in sheets]


def test_the_aims_have_to_be_reached_all_of_them() -> None:
    assert demo.reached(dict(demo.AIMS))
    for kind in demo.AIMS:
        assert not demo.reached({**demo.AIMS, kind: demo.AIMS[kind] - 0.01})
        assert not demo.reached({other: 1.0 for other in demo.AIMS if other != kind})


def test_who_answers_is_not_told_what_is_right(sheets: list[Sheet], tmp_path: Path) -> None:
    examination.write_sheets(tmp_path / "questions.json", sheets)
    written = json.loads((tmp_path / "questions.json").read_text())
    assert len(written) == len(sheets) and {tuple(each) for each in written} == {("text", "picture")}
