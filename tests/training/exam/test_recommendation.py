from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from training.exam import ALL, Answer, Report, Score
from training.exam.recommendation import learned, load, recommend, save, steps_needed


def report(
    step: int,
    recall: float = 1.0,
    parrot: float = 0.0,
    near_miss: float = 1.0,
    general: float = 0.9,
    forgetting: float | None = 0.01,
) -> Report:
    score = Score(recall, parrot, near_miss, general, forgetting, round(24 * recall), 24, round(50 * parrot), 50)
    return Report(step, step, 1, False, "hash", 1.0, {ALL: score}, ())


BASE = report(0, recall=0.0, near_miss=0.3, general=0.9, forgetting=None)


def test_of_those_that_pass_the_one_that_forgets_least_is_kept():
    found = recommend([BASE, report(20, forgetting=0.2), report(40, forgetting=0.02), report(60, forgetting=0.1)])
    assert (found.step, found.code, found.passed) == (40, "best", True)


def test_of_equals_the_earliest_is_kept():
    assert recommend([BASE, report(60, forgetting=0.011), report(40, forgetting=0.012)]).step == 40


def test_the_sentence_says_from_where_on_it_repeats_itself():
    found = recommend([BASE, report(40), report(60), report(80, parrot=0.3), report(100, parrot=0.6)])
    assert found.sentence("en") == (
        "Step 40: knows who it is in 24 of 24 wordings and says so in 0 of 50 where it was not asked;"
        " from step 80 on it says who it is where nobody asked."
    )
    assert "80" in found.sentence("zh") and found.sentence("zh").endswith("。")


def test_a_bad_exam_that_recovers_is_no_decline():
    assert recommend([BASE, report(40), report(60, parrot=0.3), report(80)]).later == 0


def test_a_checkpoint_that_is_gone_is_not_recommended_but_still_tells_how_it_went():
    found = recommend([BASE, report(20), report(40), report(60, parrot=0.3)], there={40})
    assert (found.step, found.code, found.later) == (40, "best", 60)


def test_too_few_steps_are_said_with_an_estimate():
    found = recommend([BASE, report(9, recall=0.1), report(18, recall=0.4)])
    assert (found.step, found.code, found.passed) == (18, "not_learned", False)
    assert found.details["last"] == 18 and found.details["enough"] == 40
    assert found.sentence("en").startswith("Not learned yet: 18 steps are too few, about 40 would do")


def test_more_steps_are_not_advised_to_what_parrots_or_learns_no_more():
    assert recommend([BASE, report(20, recall=0.5, parrot=0.4), report(40, recall=0.9, parrot=0.4)]).code == "parrots"
    early = recommend([BASE, report(20, recall=0.8), report(40, recall=0.9, parrot=0.4)])
    assert (early.step, early.code, early.later, early.later_code) == (20, "unsure", 40, "then_parrots")
    assert recommend([BASE, report(20, recall=0.9), report(40, recall=0.9)]).code == "unsure"


@pytest.mark.parametrize(("recalls", "steps"), [([0.0], 40), ([0.01], 80), ([0.9], 25), ([0.5, 0.5], 80)])
def test_the_estimate_stays_between_a_quarter_more_and_four_times_as_many(recalls, steps):
    assert steps_needed([report(20 * (1 + place), recall=each) for place, each in enumerate(recalls)]) == steps


@pytest.mark.parametrize(
    ("worse", "code"),
    [
        ({"parrot": 0.1}, "parrots"),
        ({"near_miss": 0.5}, "untrue"),
        ({"general": 0.4}, "forgot"),
        ({"recall": 0.9}, "unsure"),
    ],
)
def test_a_compromise_names_its_greatest_fault(worse, code):
    found = recommend(
        [BASE, report(20, recall=0.5), report(30, recall=0.9, parrot=0.5), report(40, **worse), report(60, recall=0)]
    )
    assert (found.step, found.code) == (40, code)
    assert found.sentence("zh") != found.sentence("en")


def test_the_compromise_shuns_parroting_most():
    assert recommend([BASE, report(20, near_miss=0.7), report(40, parrot=0.12)]).step == 20


def test_one_that_hardly_knows_its_name_is_no_compromise():
    quiet, fluent = report(36, recall=0.27, parrot=0.0), report(72, recall=0.73, parrot=0.15)
    assert recommend([BASE, quiet, fluent]).step == 72


def test_general_is_measured_against_the_base_and_not_against_perfection():
    weak = report(0, recall=0.0, general=0.4, forgetting=None)
    assert recommend([weak, report(20, general=0.37)]).passed


def test_half_an_exam_is_held_against_the_same_half_of_the_bases():
    def said(question: str, fault: str) -> Answer:
        return Answer(question, "general", "en", "x", fault, False, True)

    base = Report(0, 0, 1, False, "hash", 1.0, BASE.scores, (said("a", "loops"), said("b", ""), said("c", "")))
    half = report(20, general=0.5)
    half = Report(20, 20, 1, True, "hash", 1.0, half.scores, (said("a", "loops"), said("b", "")))
    assert recommend([base, half]).passed and not recommend([base, replace(half, quick=False)]).passed


def test_a_half_exam_that_went_as_the_same_half_of_the_chosen_one_is_no_decline():
    def told(step: int, parrots: str, quick: bool = False) -> Report:
        found = report(step, parrot=sum(each == "x" for each in parrots) / len(parrots))
        answers = [Answer(str(at), "general", "en", "", "", each == "x", True) for at, each in enumerate(parrots)]
        return replace(found, quick=quick, answers=tuple(answers))

    found = recommend([BASE, told(20, "x..."), told(40, "x.", quick=True)])
    assert (found.step, found.later) == (20, 0)
    assert recommend([BASE, told(20, "x..."), told(40, "xx", quick=True)]).later_code == "then_parrots"


def test_a_recommendation_is_read_back_as_it_was_written(tmp_path: Path):
    assert load(tmp_path) is None
    chosen = recommend([BASE, report(40), report(80, parrot=0.3)])
    save(tmp_path, chosen)
    assert load(tmp_path) == chosen


def test_nothing_learned_at_all_wants_more_steps():
    assert recommend([BASE, report(10, recall=0.0), report(20, recall=0.0)]).code == "not_learned"


def test_data_that_was_not_seen_twice_is_to_be_seen_twice_before_anything_else_is_advised():
    half = [BASE, report(56, recall=0.8, parrot=0.18), report(112, recall=0.75, parrot=0.12)]
    found = recommend(half, twice=300)
    assert (found.code, found.details["last"], found.details["enough"]) == ("not_learned", 112, 300)
    assert recommend(half, twice=112).code == recommend(half).code == "unsure"
    assert recommend(half, twice=120).code == "unsure"  # nearly twice is enough
    assert recommend([BASE, report(56, parrot=0.6), report(112, parrot=0.5)], twice=300).code == "parrots"
    assert recommend([BASE, report(112)], twice=300).passed


def test_without_an_exam_nothing_is_recommended():
    assert recommend([BASE]).code == recommend([]).code == "no_exam"
    assert recommend([]).sentence("en") == "There is no examined checkpoint to choose from."


@pytest.mark.parametrize(
    ("sat", "enough"),
    [
        ([], False),
        ([report(20)], False),
        ([report(20), report(40)], True),
        ([report(20, recall=0.5), report(40)], False),
        ([report(20), report(40, parrot=0.3)], False),
        ([report(20), report(40, parrot=0.3), report(60)], False),
        ([report(20, recall=0.5), report(60), report(40)], True),
    ],
)
def test_two_exams_in_a_row_are_enough_and_one_is_not(sat: list[Report], enough: bool):
    assert learned([BASE, *sat]) is enough
