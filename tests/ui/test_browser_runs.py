"""Runs in the browser: what was typed survives a reload, and earlier runs are at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from training import dataset
from training.identity import Row

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
    steps.fill("77")
    with page.expect_response(keeps_77):  # the page stores it a moment after it has shown it
        steps.press("Tab")
    page.get_by_text("LoRA, 77 steps").wait_for()
    page.reload()
    expect(page.get_by_label("Assistant's name", exact=True)).to_have_value("Robin")
    page.get_by_role("tab", name="Train").click()
    page.get_by_text("LoRA, 77 steps").wait_for()
    expect(page.get_by_label("Dataset", exact=True).filter(visible=True).first).to_have_value("first")
