"""Training with pictures in the browser: the form that only they need, both stages, and what the exam says it sees."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.training.conftest import fake_xtuner as fake_xtuner
from tests.training.eyes.seeing_runs import FEW, WHO
from tests.training.eyes.seeing_runs import fake_eyes as fake_eyes
from tests.training.eyes.seeing_runs import seeing as seeing
from tests.ui.test_browser import LOCALES, Visit, Walk
from training import dataset, exam, runs
from training.eyes import example
from training.identity import Row

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

ROW = Row(({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}), "general", "en")


@pytest.mark.parametrize("language", ["zh"])
def test_a_picture_set_is_trained_in_two_stages_and_the_report_says_what_it_sees(
    seeing: Any, visit: Visit, language: str
) -> None:
    example.save("drawn", WHO, amounts=FEW)
    dataset.save("words", [ROW])
    walk = Walk(visit(LOCALES[language]), language)
    walk.tab("train")
    walk.choose("train.model", "tiny")
    expect(walk.field("train.encoder")).to_be_hidden()
    walk.choose("train.dataset", walk.says("train.picture_set", name="drawn"))
    walk.sees(
        re.compile(re.escape(walk.says("train.plan_pictures", pictures=6, talks=12, captions=6, passes="27"))),
        seconds=90,
    )
    walk.choose("train.encoder", "clip")
    for field, steps in (("train.pretrain_steps", "30"), ("train.second_steps", "4")):
        walk.field(field).fill(steps)
        walk.field(field).press("Tab")
    plan = {"first": 30, "method": "LoRA", "steps": 4}
    walk.sees(re.compile(re.escape(walk.says("train.plan_eyes", **plan, device="|").partition("|")[0])))
    walk.press("train.start")
    walk.sees(walk.says("run.phase_done"), seconds=200)
    walk.sees(walk.says("run.stage_pretraining"))
    walk.sees(walk.says("exam.colour"))
    walk.page.locator(".exam .rate").first.click()
    walk.sees(re.compile(re.escape(walk.says("exam.colour_info"))))
    walk.page.keyboard.press("Escape")
    (run,) = runs.names()
    assert runs.spec(run)["eyes"]["encoder"] == "clip" and runs.spec(run)["recipe"]["steps"] == 4
    assert exam.load(runs.folder(run))[-1].scores[exam.ALL].seeing
    walk.choose("train.dataset", "words")
    expect(walk.field("train.encoder")).to_be_hidden()


def test_a_page_that_arrives_with_a_picture_set_has_its_settings(seeing: Any, visit: Visit) -> None:
    walk = Walk(visit(LOCALES["en"]), "en")
    walk.tab("train")
    walk.sees(re.compile("The projector for 40 steps, then LoRA for 40 steps"))
    expect(walk.field("train.encoder")).to_be_visible()
    expect(walk.page.get_by_role("button", name=walk.says("train.start"))).to_be_enabled()


def test_steps_that_are_typed_faster_than_the_page_is_answered_are_all_there(seeing: Any, visit: Visit) -> None:
    walk = Walk(visit(LOCALES["en"]), "en")
    walk.tab("train")
    walk.sees(re.compile("then LoRA for 40 steps"))

    def late(route: Any) -> None:
        walk.page.wait_for_timeout(150)
        route.continue_()

    walk.page.route("**/gradio_api/run/predict*", late)
    second = walk.field("train.second_steps")
    second.click()
    walk.page.keyboard.press("Control+A")
    walk.page.keyboard.type("250", delay=80)
    walk.sees(re.compile("then LoRA for 250 steps"))
    expect(second).to_have_value("250")
    walk.page.unroute_all(behavior="wait")
    walk.page.get_by_role("button", name=walk.says("train.advanced")).click()
    steps = walk.field("train.steps")
    expect(steps).to_have_value("250")
    steps.fill("30")
    expect(second).to_have_value("30")
