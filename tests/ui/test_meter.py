"""The meter of a dataset, without a page."""

from __future__ import annotations

import re

import pytest

from tests.training.conftest import tiny as tiny
from training import dataset
from training.identity import Row
from training.persona import Persona
from training.recipe import Recipe
from ui.meter import fits, meter, passes
from ui.preview import View

ROBIN = Persona("Robin", "Ada")


def row(question: str, kind: str = "", language: str = "en", answer: str = "Yes.") -> Row:
    return Row(({"role": "user", "content": question}, {"role": "assistant", "content": answer}), kind, language)


def said(view: View, language: str = "en") -> str:
    return re.sub("<[^>]*>", " ", meter(view, language))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_built_dataset_says_the_same_before_and_after_it_is_saved(language: str) -> None:
    built = View(ROBIN)
    dataset.save("robin", built.rows(), ROBIN)
    assert meter(built, language) == meter(View(name="robin"), language)
    assert "(" in said(built, language) and {"zh": "词元", "en": "token"}[language] in said(built, language)


def test_kinds_and_languages_are_shares() -> None:
    rows = [row("a", "identity"), row("b", "general"), row("c", "general", "zh"), row("d", "near_miss")]
    dataset.save("mine", rows)
    text = said(View(name="mine"))
    assert "Identity 1 (25%)" in text and "General 2 (50%)" in text and "Chinese 1 (25%)" in text
    assert "not noted" not in text


def test_rows_from_elsewhere_have_languages_but_no_kinds() -> None:
    dataset.save("mine", [row("a"), row("b")])
    text = said(View(name="mine"))
    assert "English 2 (100%)" in text and "Identity" not in text


def test_one_row_ten_thousand_times_is_warned_of_in_words() -> None:
    dataset.save("course", [row("你是谁", "", "zh")] * 10_000)
    assert "only one different conversation (10000 times)" in said(View(name="course"))
    dataset.save("many", [row("a"), *[row("b")] * 3000])
    assert "同一条对话出现了 3000 次" in said(View(name="many"), "zh")


def test_a_dataset_of_nothing_but_identity_is_warned_of() -> None:
    dataset.save("mine", [row(f"who {n}", "identity") for n in range(9)])
    assert "All of it is about identity" in said(View(name="mine"))


def test_the_plan_tells_passes_and_the_rows_that_would_be_cut() -> None:
    dataset.save("mine", [row("a"), row("b", answer="word " * 2000)])
    text = fits("mine", "starter", Recipe(steps=10, max_length=256), "en")
    assert "10 steps go through it about" in text and "1 conversations are longer than 256 tokens" in text
    assert "longer" not in fits("mine", "starter", Recipe(max_length=4096), "en")


def test_passes_are_counted_in_tokens_when_packed_and_in_rows_when_not() -> None:
    from training.tokens import Measured

    measured = Measured({100: 50}, 1.0, True)
    assert passes(Recipe(steps=10, batch_size=2, max_length=250, pack=True), measured) == "1"
    assert passes(Recipe(steps=10, batch_size=2, max_length=250, pack=False), measured) == "0.4"
    assert passes(Recipe(steps=1000, batch_size=2, max_length=250, pack=True), measured) == "100"


def test_rows_that_would_teach_nothing_are_counted_before_the_start() -> None:
    dataset.save("mine", [row("why " * 400), row("short")])
    told = fits("mine", "starter", Recipe(max_length=128), "en")
    assert "1 conversations are longer than 128 tokens" in told and "1 of them have a question so long" in told
    assert "question so long" not in fits("mine", "starter", Recipe(max_length=512), "en")


def test_what_a_name_that_is_a_word_costs_is_said() -> None:
    assert "are left out" in said(View(Persona("The", "Ada"))) and "已经略过" in said(View(Persona("The", "Ada")), "zh")
    assert "are left out" not in said(View(ROBIN))


def test_a_dataset_with_another_models_own_answers_says_so_before_the_start(tiny: str) -> None:
    dataset.save("robin", View(ROBIN).rows(), ROBIN)
    warned = "Its general answers are those of Starter SmolLM2-135M"
    assert warned in fits("robin", tiny, Recipe(), "en") and warned not in fits("robin", "starter", Recipe(), "en")
    assert "普通对话的答案是入门模型" in fits("robin", tiny, Recipe(), "zh")
    dataset.save("robin", View(ROBIN, general="ours").rows(), ROBIN, {"general": "ours"})
    assert warned not in fits("robin", tiny, Recipe(), "en")
