"""Takes the README's pictures anew, in both languages: python tests/screenshots.py [--eyes]

Needs a HOME (STUDIO_HOME) with a finished run of the starter model, such as `make demo` leaves, and Debian's chromium.
--eyes takes those of docs/eyes.md instead, with what `python -m training demo --eyes` leaves.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import sync_playwright

from tests.ui.conftest import CHROMIUM, end, free_port, serve
from tests.ui.test_browser import LOCALES, Walk
from training.eyes.painting import paint
from training.eyes.scenes import scenes
from training.home import ROOT
from training.seeds import seeds

PICTURES = ROOT / "assets" / "screenshots"
ANSWER = 120
"""Seconds until the first answer: the model has to load."""
SETTLED = 20
"""Seconds until a page that has just come does not move any more: the settings follow its dataset."""


def take(walk: Walk) -> None:
    """One picture of each tab."""
    page, language = walk.page, walk.language
    walk.build("小明", "张三")
    walk.sees(walk.says("dataset.kind_near_miss"))
    for _ in range(2):
        walk.press("dataset.shuffle")
    shoot(page, "dataset", language)
    take_run(walk, "train")
    walk.tab("chat")
    walk.press("chat.ask_who")
    take_talk(walk, "chat")


def take_eyes(walk: Walk) -> None:
    """The run with its two stages and its exam, the pictures that it learned from, and a talk about another one."""
    take_run(walk, "eyes_train")
    walk.tab("chat")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "drawn.png"
        paint(scenes(1, seed=7)[0]).save(file)
        with walk.page.expect_file_chooser() as chooser:
            walk.page.locator("#talk").get_by_role("button", name=walk.says("picture.add"), exact=True).click()
        chooser.value.set_files(file)
    walk.page.locator("#talk").get_by_role("button", name=walk.says("picture.remove")).first.wait_for()
    box = walk.page.locator("#talk").get_by_role("textbox", name=walk.says("chat.message"), exact=True)
    for asked in ("colour", "shape"):
        box.fill(seeds("eyes", walk.language)[asked]["questions"][0])
        box.press("Enter")
        settled(walk)
    walk.press("chat.ask_who")
    take_talk(walk, "eyes_chat")


def take_run(walk: Walk, name: str) -> None:
    """The newest run, as it ended."""
    walk.tab("train")
    walk.sees(walk.says("run.phase_done"))
    walk.page.wait_for_timeout(1000 * SETTLED)
    title = walk.page.get_by_text(walk.says("run.phase_done")).filter(visible=True).first
    title.evaluate("it => window.scrollTo(0, it.getBoundingClientRect().top + window.scrollY - 80)")
    shoot(walk.page, name, walk.language)


def take_talk(walk: Walk, name: str) -> None:
    """What was said so far."""
    settled(walk)
    walk.page.evaluate("window.scrollTo(0, 0)")
    shoot(walk.page, name, walk.language)


def settled(walk: Walk) -> None:
    """The last answer has come to its end."""
    page = walk.page
    page.get_by_test_id("bot").first.wait_for(timeout=1000 * ANSWER)
    page.wait_for_timeout(500)
    page.get_by_role("button", name=walk.says("chat.stop"), exact=True).and_(page.locator(":disabled")).wait_for()


def shoot(page: Any, name: str, language: str) -> None:
    page.wait_for_timeout(2000)  # plots are drawn, toasts go
    page.screenshot(path=PICTURES / f"{name}.{language}.png")


def main(taking: Callable[[Walk], None]) -> None:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        process = serve(port, Path(folder) / "app.out")
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            for language, locale in LOCALES.items():
                page = browser.new_context(locale=locale, viewport={"width": 1280, "height": 860}).new_page()
                page.set_default_timeout(60_000)
                page.goto(f"http://127.0.0.1:{port}")
                page.get_by_role("tab").first.wait_for()
                taking(Walk(page, language))
        finally:
            end(process)


if __name__ == "__main__":
    main(take_eyes if "--eyes" in sys.argv else take)
