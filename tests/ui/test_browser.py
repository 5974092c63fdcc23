"""The page in Debian's chromium, by what a visitor sees, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.training.conftest import fake_xtuner as fake_xtuner
from tests.training.conftest import tiny as tiny
from tests.training.conftest import wait_for
from tests.ui.conftest import PATIENCE, comes_to_rest
from training import dataset, runs
from training.sentences import sentence

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]

Visit = Callable[..., Any]
LOCALES = {"zh": "zh-CN", "en": "en-US"}


class Walk:
    """A visitor who reads one language."""

    def __init__(self, page: Any, language: str) -> None:
        self.page, self.language = page, language

    def says(self, key: str, **details: object) -> str:
        return sentence(key, self.language, **details)

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=self.says(f"app.tab_{name}")).click()

    def field(self, key: str) -> Any:
        return self.page.get_by_label(self.says(key), exact=True)

    def press(self, key: str) -> None:
        self.page.get_by_role("button", name=self.says(key), exact=True).filter(visible=True).first.click()

    def sees(self, text: str | re.Pattern[str], seconds: float = PATIENCE / 1000) -> None:
        self.page.get_by_text(text).filter(visible=True).first.wait_for(timeout=1000 * seconds)

    def build(self, name: str, maker: str) -> None:
        self.field("dataset.name").fill(name)
        self.field("dataset.maker").fill(maker)
        self.press("dataset.build")

    def save(self) -> None:
        self.press("dataset.save")
        self.sees(self.says("dataset.next"))
        self.page.get_by_role("button", name=self.says("dataset.next")).click(timeout=15_000)

    def choose(self, label: str, option: str | re.Pattern[str]) -> None:
        self.page.get_by_label(self.says(label), exact=True).filter(visible=True).first.click()
        self.page.get_by_role("option", name=option).first.click()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_from_a_name_to_a_finished_run(fake_xtuner: Any, tiny: str, visit: Visit, language: str) -> None:
    walk = Walk(visit(LOCALES[language]), language)
    walk.build('小"明" {x}', "<b>Müller</b>")
    walk.sees(re.compile(re.escape(walk.says("dataset.kind_near_miss"))))
    walk.save()
    assert dataset.names() == ["小-明-x"]
    walk.choose("train.model", tiny)
    walk.press("train.start")
    walk.sees(walk.says("run.phase_done"), seconds=120)
    walk.sees("我是小明。")
    (run,) = runs.names()
    assert runs.look(run).phase == "done"
    walk.page.locator(".exam .rate").first.click()  # every number opens the answers behind it
    walk.sees(walk.says("exam.fault_empty"))
    walk.page.keyboard.press("Escape")
    walk.page.reload()
    walk.tab("train")
    walk.sees(walk.says("run.phase_done"))


def test_the_language_is_switched_live_and_remembered_and_nothing_typed_is_lost(visit: Visit) -> None:
    page = visit("en-US")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    Walk(page, "en").field("dataset.name").fill("Robin")
    page.get_by_label("中文", exact=True).first.check()
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    chinese = Walk(page, "zh")
    chinese.sees(chinese.says("dataset.who"))
    assert chinese.field("dataset.name").input_value() == "Robin"
    page.reload()
    chinese.sees(chinese.says("dataset.who"))


def test_a_page_that_nobody_touches_draws_nothing(visit: Visit) -> None:
    """Gradio's tab bar can measure itself without end, hundreds of times a second; then this never ends."""
    page = visit("en-US")
    assert comes_to_rest(page)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_everything_that_is_wrong_with_the_form_is_said_at_once(visit: Visit, language: str) -> None:
    walk = Walk(visit(LOCALES[language]), language)
    walk.build("", "x" * 200)
    walk.sees(walk.says("error.persona_name_empty"))
    walk.sees(re.compile("200"))


def test_start_names_what_is_missing(visit: Visit) -> None:
    walk = Walk(visit("en-US"), "en")
    walk.tab("train")
    walk.sees("Choose a dataset first")
    assert walk.page.get_by_role("button", name="Choose a dataset first").is_disabled()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_crash_is_shown_as_a_crash(fake_xtuner: Any, tiny: str, visit: Visit, language: str) -> None:
    """Started by a script, seen on the page: the page shows what is on the disk."""
    from training.identity import Row
    from training.recipe import Recipe

    row = Row(({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}), "general", "en")
    dataset.save("who", [row])
    fake_xtuner("crash")
    run = runs.start("who", tiny, Recipe(steps=4))
    wait_for(lambda: not runs.look(run).live)
    walk = Walk(visit(LOCALES[language]), language)
    walk.tab("train")
    walk.sees(walk.says("run.phase_failed"))
    walk.sees(re.compile("the fake trainer was asked to crash"))


def test_stop_asks_first_and_keeps_what_was_learned(fake_xtuner: Any, tiny: str, visit: Visit) -> None:
    from training.identity import Row
    from training.recipe import Recipe

    row = Row(({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}), "general", "en")
    dataset.save("who", [row])
    fake_xtuner("slow")
    run = runs.start("who", tiny, Recipe(steps=400))
    walk = Walk(visit("en-US"), "en")
    walk.tab("train")
    walk.sees("Training")
    walk.press("run.stop")
    expect(walk.page.get_by_role("alert").filter(has_text="Stop the run")).to_be_visible()
    walk.press("run.stop_no")
    assert runs.look(run).live
    walk.press("run.stop")
    walk.press("run.stop_keep")
    walk.sees(walk.says("run.next"))
    wait_for(lambda: runs.look(run).phase == "stopped")
    assert runs.merged(run) is not None


def test_a_dataset_that_was_deleted_meanwhile_is_a_sentence(fake_xtuner: Any, tiny: str, visit: Visit) -> None:
    walk = Walk(visit("en-US"), "en")
    walk.build("Robin", "Ada")
    walk.save()
    walk.choose("train.model", tiny)
    walk.page.get_by_text("93 MB").wait_for(state="hidden")  # now the plan is for this model
    walk.sees("Start training")
    dataset.delete("Robin")
    walk.press("train.start")
    walk.sees(re.compile("There is no dataset Robin"))
    assert runs.names() == []
    walk.tab("dataset")
    walk.press("dataset.save")  # what was built is still there, and so is the page
    walk.sees("Saved as the dataset “Robin”.")
    wait_for(lambda: dataset.names() == ["Robin"])
