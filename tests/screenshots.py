"""Takes the README's pictures anew, in both languages: python tests/screenshots.py

Needs a HOME (STUDIO_HOME) with a dataset and a finished run of the starter model, such as `make demo` leaves, and
Debian's chromium.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from playwright.sync_api import sync_playwright

from tests.ui.conftest import CHROMIUM, end, free_port, serve
from tests.ui.test_browser import LOCALES, Walk
from training.home import ROOT

PICTURES = ROOT / "assets" / "screenshots"
ANSWER = 120
"""Seconds until the first answer: the model has to load."""


def take(page: Any, language: str) -> None:
    """One picture of each tab."""
    walk = Walk(page, language)
    walk.build("小明", "张三")
    walk.sees(walk.says("dataset.kind_near_miss"))
    for _ in range(2):
        walk.press("dataset.shuffle")
    shoot(page, "dataset", language)
    walk.tab("train")
    walk.sees(walk.says("run.phase_done"))
    page.locator("#tabs .section-title").filter(visible=True).last.evaluate("it => window.scrollTo(0, it.offsetTop)")
    shoot(page, "train", language)
    walk.tab("chat")
    walk.press("chat.ask_who")
    page.get_by_test_id("bot").first.wait_for(timeout=1000 * ANSWER)
    walk.page.get_by_role("button", name=walk.says("chat.stop"), exact=True).and_(page.locator(":disabled")).wait_for()
    page.evaluate("window.scrollTo(0, 0)")
    shoot(page, "chat", language)


def shoot(page: Any, name: str, language: str) -> None:
    page.wait_for_timeout(2000)  # plots are drawn, toasts go
    page.screenshot(path=PICTURES / f"{name}.{language}.png")


def main() -> None:
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
                take(page, language)
        finally:
            end(process)


if __name__ == "__main__":
    main()
