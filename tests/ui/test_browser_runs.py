"""Runs in the browser: what was typed survives a reload, and earlier runs are at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.training.conftest import fake_xtuner as fake_xtuner
from tests.training.conftest import tiny as tiny
from tests.training.conftest import wait_for
from training import dataset, runs
from training.identity import Row
from training.recipe import Recipe
from training.runs import progress

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

Visit = Callable[..., Any]
ROW = Row(({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}), "general", "en")


def keeps_77(response: Any) -> bool:
    sent = response.request.post_data or ""
    return '"data":[null,' in sent and ",77," in sent


def test_a_reload_loses_nothing_that_was_typed(visit: Visit) -> None:
    for name in ("first", "second"):
        dataset.save(name, [ROW])
    page = visit("en-US")
    page.get_by_label("Assistant's name", exact=True).fill("Robin")
    page.get_by_role("tab", name="Train").click()
    expect(page.get_by_role("button", name="Start training")).to_be_enabled()
    page.get_by_label("Dataset", exact=True).filter(visible=True).first.click()
    page.get_by_role("option", name="first").click()
    page.get_by_role("button", name="Advanced settings").click()
    steps = page.get_by_label("Steps", exact=True)
    with page.expect_response(keeps_77):  # the page stores it a moment after it has shown it
        steps.fill("77")
        steps.press("Tab")
    page.get_by_text("LoRA, 77 steps").wait_for()
    page.reload()
    expect(page.get_by_label("Assistant's name", exact=True)).to_have_value("Robin")
    page.get_by_role("tab", name="Train").click()
    page.get_by_text("LoRA, 77 steps").wait_for()
    expect(page.get_by_label("Dataset", exact=True).filter(visible=True).first).to_have_value("first")


def test_a_failed_run_is_resumed_and_another_one_waits_for_its_turn(fake_xtuner: Any, tiny: str, visit: Visit) -> None:
    dataset.save("who", [ROW])
    fake_xtuner("crash")
    run = runs.start("who", tiny, Recipe(steps=8, save_every=2), "first")
    wait_for(lambda: not runs.look(run).live)
    fake_xtuner("slow")
    other = runs.start("who", tiny, Recipe(steps=400))
    page = visit("en-US")
    page.get_by_role("tab", name="Train").click()
    page.get_by_label("Choose a run").click()
    page.get_by_role("option", name="first").click()
    expect(page.get_by_role("button", name="Resume from step 4")).to_be_visible()
    page.get_by_label("Checkpoint to go on from").click()
    page.get_by_role("option", name="Step 2").click()
    page.get_by_role("button", name="Resume from step 2").click()
    page.get_by_text("is using this machine").filter(visible=True).wait_for()
    page.get_by_role("button", name="Queue it", exact=True).filter(visible=True).click()
    page.get_by_text("Queued", exact=True).wait_for()
    expect(page.get_by_role("button", name="Leave the queue")).to_be_visible()
    runs.stop(other)
    page.locator(".phase", has_text="Done").wait_for()
    assert [point.step for point in progress.points(runs.folder(run))] == list(range(1, 9))
    assert runs.look(run).resumed_from == 2


def test_earlier_runs_are_compared_renamed_reused_and_deleted(fake_xtuner: Any, tiny: str, visit: Visit) -> None:
    dataset.save("who", [ROW])
    for name, rank in (("first", 8), ("second", 32)):
        run = runs.start("who", tiny, Recipe(steps=4, lora_rank=rank), name)
        wait_for(lambda run=run: not runs.look(run).live)
    page = visit("en-US")
    page.get_by_role("tab", name="Train").click()
    page.get_by_role("button", name="Earlier runs").click()
    page.get_by_label("Choose first").check()
    page.get_by_label("Choose second").check()
    differing = page.get_by_role("row", name="LoRA rank")
    expect(differing).to_contain_text("32")
    expect(page.get_by_role("row", name="Learning rate")).to_have_count(0)
    page.get_by_label("Choose second").uncheck()
    page.get_by_label("Name", exact=True).filter(visible=True).fill("<b>renamed</b>")
    page.get_by_role("button", name="Save", exact=True).filter(visible=True).click()
    page.get_by_role("button", name="<b>renamed</b>").wait_for()
    page.get_by_role("button", name="Copy settings into the form").click()
    page.get_by_text("LoRA, 4 steps").wait_for()
    page.get_by_role("button", name="Delete", exact=True).filter(visible=True).click()
    page.get_by_text("cannot be brought back").filter(visible=True).wait_for()
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_label("Choose <b>renamed</b>")).to_have_count(0)
    assert [runs.spec(run)["name"] for run in runs.names()] == ["second"]
