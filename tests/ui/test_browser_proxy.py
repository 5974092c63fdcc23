"""The hosted page behind a reverse proxy and under a path, as a visitor's browser and its owner's meet it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.ui.conftest import PATIENCE, STUMBLES, comes_to_rest
from tests.ui.hosting import HOSTILE, PASSWORD, hosted
from tests.ui.reverse_proxy import proxied

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
PREFIX = "/apps/mine"


@contextmanager
def visitor(chromium: Any, address: str) -> Iterator[Any]:
    """A browser's page; nothing that it fetches may be missing, nothing may come from elsewhere or go wrong in it."""
    context = chromium.new_context(locale="en-US")
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    missing: list[str] = []
    page.on("response", lambda said: said.status >= 400 and missing.append(f"{said.status} {said.url}"))
    page.on("request", lambda sent: sent.url.startswith((address, "data:", "blob:")) or missing.append(sent.url))
    page.on("pageerror", lambda error: str(error) in STUMBLES or missing.append(str(error)))
    yield page
    context.close()
    assert missing == []


@pytest.mark.parametrize("strips", [True, False], ids=["prefix taken away", "prefix left"])
def test_under_a_path_the_page_comes_whole_answers_and_lets_its_owner_in(
    chromium: Any, tmp_path: Path, strips: bool
) -> None:
    with (
        hosted(tmp_path / "home", tmp_path / "app.out", GRADIO_ROOT_PATH=PREFIX) as (target, _),
        proxied(target, PREFIX, strips) as public,
        visitor(chromium, f"{public}{PREFIX}/") as page,
    ):
        page.goto(f"{public}{PREFIX}/")
        box = page.get_by_role("textbox", name="Message", exact=True)
        box.fill("b b")
        box.press("Enter")
        expect(page.get_by_test_id("bot").first).to_contain_text("img")
        assert page.evaluate("getComputedStyle(document.querySelector('#header')).display") == "flex"
        page.get_by_role("tab", name="Train").click()
        studio = page.get_by_role("link", name="open the studio").filter(visible=True).get_attribute("href")
        page.goto(f"{public}{studio}")  # a click would open it in another tab
        page.get_by_label("username").fill("me")
        page.get_by_label("password").fill(PASSWORD)
        page.get_by_role("button", name="Login").click()
        expect(page.get_by_text("Who is your assistant?")).to_be_visible()
        assert page.url.startswith(f"{public}{PREFIX}/studio")


def test_html_in_questions_and_answers_is_seen_and_does_nothing(chromium: Any, tmp_path: Path) -> None:
    typed = "<script>window.hacked=2</script><svg/onload=window.hacked=3> [x](javascript:window.hacked=4) `<b>`"
    with hosted(tmp_path / "home", tmp_path / "app.out") as (address, _), visitor(chromium, address) as page:
        page.goto(address)
        box = page.get_by_role("textbox", name="Message", exact=True)
        box.fill(typed)
        box.press("Enter")
        expect(page.get_by_test_id("user").first).to_contain_text("<svg/onload=window.hacked=3>")
        expect(page.get_by_test_id("bot").first).to_contain_text(HOSTILE)
        assert page.evaluate("typeof window.hacked") == "undefined"
        hrefs = page.evaluate("[...document.querySelectorAll('.chat a')].map(each => each.href)")
        assert not [href for href in hrefs if href.startswith("javascript")]
        assert page.locator(".chat").locator("script, svg[onload], img[onerror]").count() == 0


def test_a_text_that_is_far_too_long_is_told_in_words_and_stays_to_be_shortened(chromium: Any, tmp_path: Path) -> None:
    with hosted(tmp_path / "home", tmp_path / "app.out") as (address, _):
        page = chromium.new_context(locale="zh-CN").new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        box = page.get_by_role("textbox", name="消息", exact=True)
        box.fill("长" * 100_000)
        box.press("Enter")
        expect(page.get_by_text("内容太长了，请写短一些。")).to_be_visible()
        assert len(box.input_value()) == 100_000
        box.fill("b")
        box.press("Enter")
        expect(page.get_by_test_id("bot").first).to_contain_text("img")
        page.context.close()


def test_the_guests_page_draws_nothing_while_nobody_touches_it(chromium: Any, tmp_path: Path) -> None:
    """As tests/ui/test_browser.py for the whole page."""
    with hosted(tmp_path / "home", tmp_path / "app.out") as (target, _), visitor(chromium, target) as page:
        page.goto(target)
        page.get_by_role("tab").first.wait_for()
        assert comes_to_rest(page)
