"""One of XTuner's own configs, from the page to a model, by the real XTuner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.training.conftest import wait_for
from tests.training.models.tiny_llama import write_llama
from training import dataset, home, identity, merge, models, runs
from training.persona import Persona
from training.runs import progress

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.timeout(1800)]


def test_a_built_in_config_is_opened_edited_checked_started_and_becomes_a_model(visit: Callable[..., Any]) -> None:
    write_llama(home.models_dir() / "small")
    dataset.save("sunny", identity.build(Persona("Sunny", "O'Hara"))[:24])
    page = visit("en-US")
    page.get_by_role("tab", name="Train").click()
    page.get_by_label("Model", exact=True).filter(visible=True).first.click()
    page.get_by_role("option", name="small").click()
    page.get_by_role("button", name="XTuner's own configs").click()
    page.get_by_label("Words of its name").fill("internlm2_chat_1_8b_qlora_alpaca_e3")
    expect(page.get_by_label("Config (1 configs)")).to_have_value("internlm2_chat_1_8b_qlora_alpaca_e3")
    page.get_by_role("button", name="Open", exact=True).filter(visible=True).click()
    page.get_by_text("It trains on conversations").wait_for()
    editor = page.locator(".cm-content").filter(visible=True).first
    editor.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\naccumulative_counts = 4\noptim_wrapper['accumulative_counts'] = 4  # by hand")
    page.keyboard.type("\ntrain_cfg['max_epochs'] = 4")  # what was fitted, 53, shows nothing more
    page.get_by_role("button", name="Check", exact=True).click()
    page.get_by_text("It can run: QLoRA").wait_for(timeout=600_000)
    page.get_by_role("button", name="Start with this config").click()
    wait_for(lambda: bool(runs.names()), seconds=600)
    run = runs.names()[0]
    page.locator(".phase", has_text="Done").wait_for(timeout=600_000)
    recipe = runs.spec(run)["recipe"]
    config = (runs.folder(run) / "config.py").read_text(encoding="utf-8")
    assert runs.spec(run)["own_config"] and "# by hand" in config and str(runs.folder(run) / "data.json") in config
    assert (recipe["method"], recipe["accumulation"]) == ("qlora", 4)
    trained = len(progress.points(runs.folder(run)))
    assert -(-trained // 4) == recipe["steps"] == runs.look(run).step
    assert max(merge.whole_checkpoints(runs.folder(run) / "work")) == trained
    merged = runs.merged(run)
    assert merged is not None
    models.check(merged)
