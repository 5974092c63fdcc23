from __future__ import annotations

import re

import pytest

from training import exam
from training.exam.marking import fault
from training.exam.parity import Difference, Parity
from training.exam.recommendation import recommend
from training.persona import Persona
from training.questions import EXAM_VERSION, Question
from training.sentences import table
from ui.report_card import card_html, fault_words, parity_html, rates, sees, verdict_html

NASTY = "<img src=x onerror=alert(1)>"
ROBIN = Persona("Robin", "Ada")
QUESTIONS = [
    Question(NASTY, "identity", "en", True, False, False, ()),
    Question("说说猫", "general", "zh", False, False, True, ("猫",)),
    Question("Who wrote Hamlet?", "near_miss", "en", False, False, True, ("Shakespeare",)),
]


def report(step: int, *answers: str) -> exam.Report:
    marked = exam.mark(QUESTIONS, answers, ["", "", ""], ROBIN)
    return exam.Report(step, step, EXAM_VERSION, False, "h", 1.0, exam.scores(marked, {"all": 0.02}), marked)


REPORTS = [report(0, NASTY, "猫会抓老鼠", "Shakespeare"), report(20, "I'm Robin.", "I'm Robin.", "Shakespeare")]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_number_opens_the_answers_behind_it(language: str) -> None:
    html = card_html(REPORTS, recommend(REPORTS), 20, "all", language)
    opened = re.findall(r'popovertarget="([^"]+)"', html)
    assert len(opened) == 8 and all(f'popover id="{place}"' in html for place in opened)
    assert fault_words("parrot", language) in html and fault_words("no_name", language) in html
    assert html.count('class="recommended"') == 1


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_was_asked_and_answered_is_shown_as_text(language: str) -> None:
    parity = Parity(20, 2, 1, "float16", 1.0, (Difference(NASTY, NASTY, NASTY),))
    shown = card_html(REPORTS, None, 0, "all", language) + parity_html(parity, language)
    assert "<img" not in shown + verdict_html(recommend(REPORTS), language) and "&lt;img" in shown


def test_the_numbers_are_those_of_the_chosen_language() -> None:
    zh = card_html(REPORTS, None, 0, "zh", "en")
    assert "–" in zh and "100%<small>1/1" in zh and "Hamlet" not in zh
    assert card_html(REPORTS, None, 0, "fr", "en").count("<tr") == 1


def test_the_plot_has_a_point_for_every_rate() -> None:
    drawn = rates(REPORTS, "all", "en")
    assert len(drawn) == 8 and drawn["%"].between(0, 100).all()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_fault_that_can_be_found_has_its_words(language: str) -> None:
    codes = (fault.__doc__ or "").partition(":")[2].partition(".")[0].replace("\n", " ").split(",")
    assert len(codes) >= 10
    assert not [code for code in codes if f"exam.fault_{code.strip()}" not in table(language)]


def seen(step: int, answer: str) -> exam.Report:
    asked = exam.Answer(NASTY, "colour", "en", answer, "" if answer == "red" else "unseen", False, True, "images/1.png")
    return exam.Report(step, step, EXAM_VERSION, False, "h", 1.0, exam.scores([asked], {}), (asked,))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_with_pictures_the_columns_are_what_was_asked_and_forgetting_is_not_claimed(language: str) -> None:
    reports = [seen(0, NASTY), seen(20, "red")]
    html = card_html(reports, recommend(reports), 20, "all", language)
    words = table(language)
    assert words["exam.colour"] in html and words["exam.shape"] not in html and words["exam.forgetting"] not in html
    assert "100%<small>1/1" in html and fault_words("unseen", language) in html and "<img" not in html
    assert sees(reports) and not sees(REPORTS)
    assert next(iter(rates(reports, "all", language)["series"].unique())) == words["exam.colour"]
