"""Pictures in the chat, in a browser: a tiny model with eyes, made by our own merge, and the starter without."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from tests.training.eyes.tiny_llava import write_llava, write_parts
from training import home
from training.sentences import sentence

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.timeout(600)]
PATIENCE = 120_000
PASTE = """async ([selector, bytes, name]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], name, { type: "image/png" }));
    document.querySelector(selector).dispatchEvent(
        new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def seeing(starter_home: Path, tmp_path: Path) -> Path:
    """A HOME with a run whose model has eyes, as it was before too."""
    starter = home.models_dir() / "SmolLM2-135M-Instruct"
    parts = write_parts(tmp_path, starter, spread=0.3)
    folder = home.runs_dir() / "20260101-000000-eyes-0001"
    folder.mkdir()
    write_llava(folder / "merged", parts.model, parts.encoder)
    shutil.rmtree(folder / "merged-parts")
    shutil.copytree(folder / "merged", folder / "before")
    (folder / "merged" / "studio.json").write_text(json.dumps({"step": 2, "base": str(starter)}))
    card = {"persona": {"name": "Robin", "maker": "Ada", "base": "b", "languages": ["zh", "en"]}}
    spec = {"name": "eyes", "model": "starter", "model_folder": str(starter), "card": card}
    spec |= {"recipe": {"accumulation": 1}}
    (folder / "spec.json").write_text(json.dumps(spec))
    return starter_home


@pytest.fixture
def circle(tmp_path: Path) -> Path:
    """A picture that is transparent around a blue circle, with a Chinese name."""
    image = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((90, 40, 210, 160), fill="blue")
    image.save(tmp_path / "蓝色 circle.png")
    return tmp_path / "蓝色 circle.png"


class Chat:
    """The chat tab in a language."""

    def __init__(self, page: Any, language: str) -> None:
        self.page, self.language = page, language
        page.get_by_role("tab", name="Chat").click()
        self.talk = page.locator("#talk")
        self.box = self.talk.get_by_role("textbox", name=self.said("chat.message"), exact=True)
        self.questions, self.answers = page.get_by_test_id("user"), page.get_by_test_id("bot")
        self.add = self.button("picture.add")

    def said(self, key: str) -> str:
        return sentence(key, self.language)

    def button(self, key: str, place: str = "#talk") -> Any:
        return self.page.locator(place).get_by_role("button", name=self.said(key), exact=True)

    def choose(self, picture: Path, place: str = "#talk") -> None:
        with self.page.expect_file_chooser() as chooser:
            self.button("picture.add", place).click()
        chooser.value.set_files(picture)

    def with_model(self, name: str) -> None:
        self.page.get_by_label(self.said("chat.model"), exact=True).filter(visible=True).first.click()
        self.page.get_by_role("option", name=name).click()


@pytest.mark.parametrize(("locale", "language"), [("zh-CN", "zh"), ("en-US", "en")])
def test_a_picture_is_asked_about_seen_again_and_gone(
    seeing: Path, circle: Path, visit: Callable[..., Any], language: str, locale: str, tmp_path: Path
) -> None:
    chat = Chat(visit(locale), language)
    expect(chat.add).to_be_visible()  # the run is chosen by itself
    chat.choose(circle)
    shown = chat.talk.get_by_alt_text(chat.said("picture.picture"))
    expect(shown).to_be_visible()
    chat.box.press("Enter")
    expect(chat.page.get_by_text(chat.said("error.picture_without_question"))).to_be_visible()
    chat.button("chat.ask_colour").click()
    expect(shown).to_have_count(0)  # it has become a part of the talk
    expect(chat.page.locator(".shown-picture")).to_have_js_property("naturalWidth", 300)
    chat.answers.first.wait_for(timeout=PATIENCE)
    assert len(list((seeing / "talks").rglob("*.png"))) == 1
    expect(chat.button("chat.stop")).to_be_disabled(timeout=PATIENCE)

    (tmp_path / "broken.png").write_bytes(circle.read_bytes()[:200])
    chat.page.evaluate(PASTE, ["#talk textarea", [*(tmp_path / "broken.png").read_bytes()], "broken.png"])
    chat.talk.locator(".take-away").wait_for()
    chat.box.fill("?")
    chat.box.press("Enter")
    expect(chat.page.get_by_text(sentence("error.picture_unreadable", language, file="broken.png"))).to_be_visible()
    expect(chat.box).to_have_value("?")
    chat.talk.get_by_role("button", name=chat.said("picture.remove")).click()
    chat.button("chat.clear").click()
    expect(chat.questions).to_have_count(0)
    assert not list((seeing / "talks").rglob("*.png"))

    chat.with_model("SmolLM2")
    expect(chat.add).to_be_hidden()
    expect(chat.talk.get_by_text(chat.said("picture.none"))).to_be_visible()
    chat.page.evaluate(PASTE, ["#talk textarea", [*circle.read_bytes()], "a.png"])
    expect(chat.page.get_by_text(chat.said("picture.blind"))).to_be_visible()
    expect(chat.button("chat.ask_moon")).to_be_visible()


def test_the_same_picture_is_shown_to_before_and_after(seeing: Path, circle: Path, visit: Callable[..., Any]) -> None:
    chat = Chat(visit("en-US"), "en")
    chat.page.locator(".compared small", has_text="weights").first.wait_for()
    chat.choose(circle, "#compare")
    chat.page.locator("#compare .take-away").wait_for()
    chat.page.get_by_placeholder(chat.said("compare.question")).fill("What colour is it?")
    chat.page.get_by_role("button", name=chat.said("compare.ask"), exact=True).click()
    said = chat.page.locator(".compared .said:not(.none)").filter(visible=True)
    expect(said).to_have_count(2, timeout=PATIENCE)
    expect(chat.button("compare.ask", "#compare")).to_be_enabled(timeout=PATIENCE)
    assert said.nth(0).inner_text() == said.nth(1).inner_text()  # the same weights, the same picture
    assert not list((seeing / "talks").rglob("*.png"))
    expect(chat.page.locator("#compare .take-away")).to_be_visible()  # to be asked about again
