"""A stranger at the hosted page, with the real starter model; and its owner at the studio's door."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.timeout(600)]


@pytest.fixture
def strangers_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_HOSTED", "1")
    monkeypatch.setenv("STUDIO_PASSWORD", "open sesame")


def test_a_guest_is_answered_within_limits_and_only_the_password_opens_the_studio(
    starter_home: Path, strangers_come: None, visit: Callable[..., Any], app: str
) -> None:
    page = visit("en-US")
    expect(page.get_by_text("Chat with an assistant that knows who it is.")).to_be_visible()
    box = page.get_by_role("textbox", name="Message", exact=True)
    page.get_by_role("button", name="Who are you?").click()
    page.get_by_test_id("bot").first.wait_for(timeout=120_000)
    box.fill("x" * 1001)
    box.press("Enter")
    expect(page.get_by_text("At most 1000 characters at a time")).to_be_visible()
    expect(page.get_by_test_id("user")).to_have_count(1)
    expect(box).to_have_value("x" * 1001)  # to be shortened, not typed again
    page.get_by_role("tab", name="Train").click()
    expect(page.get_by_text("Making data and training needs a password").filter(visible=True)).to_be_visible()
    expect(page.get_by_role("button", name="Start training")).to_have_count(0)
    page.goto(f"{app}/studio/")
    page.get_by_label("username").fill("me")
    page.get_by_label("password").fill("open sesame")
    page.get_by_role("button", name="Login").click()
    expect(page.get_by_text("Who is your assistant?")).to_be_visible()
