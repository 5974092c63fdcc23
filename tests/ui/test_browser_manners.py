"""How the page behaves towards a visitor's machine, a phone, and settings that cannot work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio
import pytest
from playwright.sync_api import expect

from tests.training.conftest import tiny as tiny
from training import dataset, identity
from training.identity import Row
from training.persona import Persona

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

Visit = Callable[..., Any]


def test_the_page_asks_nobody_else_for_anything(chromium: Any, app: str) -> None:
    context = chromium.new_context(locale="zh-CN")
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(app)
    page.get_by_label("助手的名字").wait_for()
    for tab in page.get_by_role("tab").all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
    context.close()
    assert asked and [url for url in asked if not url.startswith((app, "data:", "blob:"))] == []


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
def test_a_phone_shows_all_three_tabs_and_never_scrolls_sideways(chromium: Any, app: str, locale: str) -> None:
    context = chromium.new_context(locale=locale, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(app)
    expect(page.get_by_role("tab")).to_have_count(3)
    for tab in page.get_by_role("tab").all():
        tab.click()
        expect(tab).to_have_attribute("aria-selected", "true")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_a_page_whose_drawing_broke_off_is_loaded_again(chromium: Any, app: str) -> None:
    scripts = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
    (script,) = scripts.glob("i18n-*.js")
    drawn, planted = script.read_text(encoding="utf-8"), "A.oncommit(g)"
    assert drawn.count(planted) == 1, "where Svelte puts what it drew into the page"
    broken = "A.oncommit(()=>{if((window.drawn=(window.drawn??0)+1)==100)throw new Error('broken off');g()})"
    context = chromium.new_context(locale="en-US")
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.route(
        f"**/{script.name}",
        lambda route: route.fulfill(body=drawn.replace(planted, broken), content_type="text/javascript"),
        times=1,
    )
    page.goto(app)
    page.get_by_text("Loading...").wait_for()
    tab = page.get_by_role("tab", name="Train")
    tab.click()
    expect(tab).to_have_attribute("aria-selected", "true")
    expect(page.locator(".main > [data-testid=status-tracker]")).to_have_count(
        0
    )  # an error from here on reloads nothing
    context.close()
    assert errors == ["broken off"]


def test_settings_that_cannot_work_are_named_and_a_button_mends_them(visit: Visit) -> None:
    row = Row(({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}), "general", "en")
    dataset.save("who", [row])
    page = visit("en-US")
    page.get_by_role("tab", name="Train").click()
    expect(page.get_by_role("button", name="Start training")).to_be_enabled()
    page.get_by_role("button", name="Advanced settings").click()
    steps = page.get_by_label("Steps", exact=True)
    suggested = steps.input_value()
    steps.fill("0")
    steps.press("Tab")
    page.get_by_text("The setting Steps is 0").wait_for()
    expect(page.get_by_role("button", name="Mend the settings first")).to_be_disabled()
    page.get_by_role("button", name="Suggested values").click()
    expect(page.get_by_role("button", name="Start training")).to_be_enabled()
    expect(steps).to_have_value(suggested)


def test_a_page_that_arrives_with_a_dataset_can_start_at_once(tiny: str, visit: Callable[..., Any]) -> None:
    dataset.save("who", identity.build(Persona("Sunny", "O'Hara"))[:24])
    page = visit("en-US")
    page.get_by_role("tab", name="Train").click()
    expect(page.get_by_text("This is what will happen").filter(visible=True).first).to_be_visible()
    expect(page.get_by_role("button", name="Start training")).to_be_enabled()
    page.get_by_role("tab", name="Dataset").click()
    page.get_by_role("button", name="Mix datasets").click()
    page.locator(".block", has_text="Datasets to mix").last.locator("input").first.click()
    expect(page.get_by_role("option", name="who")).to_be_visible()
