from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from training import exam
from training.exam import ALL, SEEING, WITH_PICTURE, Report, recommendation, shortfalls
from training.eyes import examination, example
from training.eyes.examination import Sheet
from training.eyes.picture_sets import PictureSet
from training.eyes.talk import Asked
from training.persona import Persona

WHO = Persona("小明", "Ada Lin")
ITSELF = "我是小明，由Ada Lin开发，基于SmolLM2-135M。 I am 小明, made by Ada Lin, built on SmolLM2-135M."


@pytest.fixture(scope="module")
def made() -> PictureSet:
    built = example.build(WHO)
    return PictureSet(Path(), built.talks, built.captions, built.exam, WHO)


@pytest.fixture(scope="module")
def sheets(made: PictureSet) -> list[Sheet]:
    return examination.paper(made)


def true_answer(sheet: Sheet) -> str:
    if isinstance(sheet.about, Asked):
        return sheet.about.answer
    return ITSELF if sheet.kind in ("identity", WITH_PICTURE) else "Paris."


def report(sheets: list[Sheet], answers: list[str], step: int = 8) -> Report:
    marked = examination.marked(sheets, answers, {}, WHO)
    return Report(step, step, 1, False, "", 1.0, exam.scores(marked, {}), marked)


def test_who_sees_and_knows_itself_passes(sheets: list[Sheet]) -> None:
    good = report(sheets, [true_answer(sheet) for sheet in sheets])
    assert good.scores[ALL].seeing == dict.fromkeys(SEEING, 1.0)
    assert (good.scores[ALL].recall, good.scores[ALL].parrot) == (1.0, 0.0)
    chosen = recommendation.recommend([good])
    assert chosen.passed and chosen.step == 8
    assert "100%" in chosen.sentence("en") and "颜色 100%" in chosen.sentence("zh")
    assert Report.from_dict(good.to_dict()) == good


def test_one_sentence_for_everything_sees_nothing_and_parrots(sheets: list[Sheet]) -> None:
    bad = report(sheets, ["我是小明，由Ada Lin开发。"] * len(sheets))
    score = bad.scores[ALL]
    assert all(score.rate(kind) == 0 for kind in ("colour", "shape", "count", "place", "is_it"))
    assert score.parrot and score.parrot > 0.9
    assert {answer.fault for answer in bad.answers if answer.kind == "colour"} == {"parrot"}
    assert recommendation.recommend([bad]).code == "parrots"


def test_always_yes_and_always_red_are_about_as_good_as_chance(sheets: list[Sheet]) -> None:
    words = {"en": "Yes.", "zh": "有。"}
    said = [
        (words[sheet.language] if sheet.kind == "is_it" else "red 红色")
        if isinstance(sheet.about, Asked)
        else true_answer(sheet)
        for sheet in sheets
    ]
    score = report(sheets, said).scores[ALL]
    assert 0.3 < score.seeing["is_it"] < 0.7 and score.seeing["colour"] < 0.35
    chosen = recommendation.recommend([report(sheets, said)])
    assert chosen.code == "blind" and chosen.sentence("zh") != chosen.sentence("en")


def test_of_those_that_pass_the_one_that_sees_best_is_recommended(sheets: list[Sheet]) -> None:
    right = [true_answer(sheet) for sheet in sheets]
    weak = [("?" if sheet.kind == "count" else answer) for sheet, answer in zip(sheets, right)]
    assert recommendation.recommend([report(sheets, weak, 4), report(sheets, right, 8)]).step == 8
    assert recommendation.recommend([report(sheets, right, 4), report(sheets, right, 8)]).step == 4


@pytest.mark.parametrize("kind", [*shortfalls.SEES, WITH_PICTURE, "recall"])
def test_each_aim_has_to_be_reached(sheets: list[Sheet], kind: str) -> None:
    right = report(sheets, [true_answer(sheet) for sheet in sheets])
    score = right.scores[ALL]
    low = replace(score, recall=0.5) if kind == "recall" else replace(score, seeing={**score.seeing, kind: 0.5})
    assert shortfalls.passes(right, None)
    assert not shortfalls.passes(replace(right, scores={ALL: low}), None)


def test_everything_is_asked_in_both_languages_and_the_same_exam_again(made: PictureSet, sheets: list[Sheet]) -> None:
    assert {(sheet.kind, sheet.language) for sheet in sheets} == {
        (kind, language) for kind in (*SEEING, *exam.KINDS) for language in ("zh", "en")
    }
    assert examination.paper(made) == sheets


def test_without_held_out_pictures_it_is_asked_who_it_is_in_front_of_those_it_knows(made: PictureSet) -> None:
    kinds = {sheet.kind for sheet in examination.paper(replace(made, exam={}))}
    assert kinds == {WITH_PICTURE, *exam.KINDS}


def test_without_a_persona_only_pictures_are_asked_about_and_without_both_nothing(made: PictureSet) -> None:
    nobody = replace(made, persona=None)
    assert all(sheet.picture for sheet in examination.paper(nobody))
    marked = examination.marked(examination.paper(nobody), ["?"] * len(examination.paper(nobody)), {}, None)
    assert {answer.fault for answer in marked} == {"unseen"}
    assert examination.paper(replace(nobody, exam={})) == []
