"""Pictures people have, dropped on the page in Debian's chromium, written about, and saved as a picture set."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from tests.training.conftest import wait_for
from tests.ui.test_browser import LOCALES, Visit, Walk
from training.eyes import picture_sets
from training.eyes.example import PLAIN
from training.home import albums_dir

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

COLOURS = ("blue", "green", "orange", "purple")


@pytest.fixture
def given(tmp_path: Path) -> list[str]:
    """Four pictures, a broken one, and a list whose second row is bad and whose third wants a fifth picture."""
    for colour in COLOURS:
        image = Image.new("RGB", (120, 80), colour)
        ImageDraw.Draw(image).ellipse((40, 20, 80, 60), fill="white")
        image.save(tmp_path / f"{colour}.png")
    (tmp_path / "torn.png").write_bytes(b"torn")
    good = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A white circle."}]
    bad = [{"from": "human", "value": "What is it?"}, good[1]]
    rows = [("images/blue.png", good), ("images/blue.png", bad), ("red.png", good)]
    told = [{"id": 0, "image": image, "conversations": turns} for image, turns in rows]
    (tmp_path / "unique_data.json").write_text(json.dumps(told), encoding="utf-8")
    return [str(tmp_path / name) for name in (*(f"{each}.png" for each in COLOURS), "torn.png", "unique_data.json")]


def opened(walk: Walk) -> None:
    walk.page.get_by_role("button", name=walk.says("pictures.title")).click()


def drop(walk: Walk, *files: str) -> None:
    walk.page.locator(".upload input[type=file]").last.set_input_files(list(files))


def text_of(walk: Walk) -> Any:
    return walk.page.get_by_label(walk.says("pictures.text"))


def choose(walk: Walk, place: int) -> None:
    walk.page.locator(".gallery .thumbnail-lg").nth(place).click()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_pictures_are_dropped_written_about_and_saved_and_nothing_typed_is_lost(
    visit: Visit, given: list[str], tmp_path: Path, language: str
) -> None:
    walk = Walk(visit(LOCALES[language]), language)
    opened(walk)
    drop(walk, *given)
    walk.sees(walk.says("pictures.taken", pictures=4, rows=1))
    walk.sees(walk.says("error.picture_unreadable", file="torn.png"))
    walk.sees(walk.says("error.llava_token_missing", token="<image>"))
    walk.sees(walk.says("error.picture_awaited", file="red.png"))
    expect(text_of(walk)).to_have_value(re.compile("What is it\\?"))

    choose(walk, 2)
    expect(text_of(walk)).to_have_value("")
    text_of(walk).fill("Q: Which colour?")
    walk.sees(walk.says("error.pairs_unanswered", question="Which colour?"))
    choose(walk, 0)
    walk.page.reload()
    opened(walk)
    walk.sees(walk.says("error.picture_unreadable", file="torn.png"))  # the report is there again, too
    choose(walk, 2)
    expect(text_of(walk)).to_have_value("Q: Which colour?")
    text_of(walk).fill("问：什么颜色？\n答：橙色。\n\nOne more line")
    walk.sees(walk.says("pictures.said", talks=1, questions=1))

    choose(walk, 1)
    expect(text_of(walk)).to_have_value("")
    text_of(walk).press_sequentially("Green: a circle, white and round.")
    choose(walk, 3)  # at once, quicker than the last letters
    expect(text_of(walk)).to_have_value("")
    choose(walk, 1)
    expect(text_of(walk)).to_have_value(re.compile("Green: a circle, white and round\\.$"))
    walk.press("pictures.remove")
    walk.sees(walk.says("pictures.remove_ask"))
    walk.press("pictures.remove_yes")
    walk.sees(walk.says("pictures.counts", pictures=3, talks=2, questions=2))

    walk.field("pictures.name").fill("mine")
    walk.press("pictures.save")
    walk.sees(walk.says("error.persona_name_empty"))
    walk.field("dataset.name").fill("小明")
    walk.field("dataset.maker").fill("张三")
    walk.press("pictures.save")
    walk.sees(walk.says("pictures.saved_without", pictures=1))
    made = picture_sets.load("mine")
    assert made.persona and made.persona.name == "小明"
    assert [talk.image for talk in made.talks[:2]] == ["images/blue.png", "images/orange.png"]
    assert made.talks[1].turns == ("什么颜色？", "橙色。\n\nOne more line")
    assert made.pictures == ["images/blue.png", "images/orange.png"]
    with walk.page.expect_download() as download:
        walk.press("pictures.download")
    with zipfile.ZipFile(download.value.path()) as packed:
        assert {"mine/llava.json", "mine/card.json", "mine/images/blue.png"} <= set(packed.namelist())

    Image.new("RGB", (90, 90), "red").save(tmp_path / "red.png")
    drop(walk, str(tmp_path / "red.png"))  # the row that waited for it is taken now
    walk.sees(walk.says("pictures.taken", pictures=1, rows=1))


def test_files_that_are_looked_at_are_there_after_a_reload(visit: Visit, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as packing:
        for number in range(60):
            Image.effect_noise((700, 700), 20 + number).save(tmp_path / "noise.png")
            packing.write(tmp_path / "noise.png", f"many/{number:02}.png")
    walk = Walk(visit(LOCALES["en"]), "en")
    opened(walk)
    drop(walk, str(tmp_path / "many.zip"))
    walk.page.get_by_role("button", name=walk.says("pictures.stop"), exact=True).filter(visible=True).first.wait_for()
    wait_for(lambda: walk.page.evaluate("localStorage.getItem('assistant-studio-draft-pictures')") is not None)
    walk.page.reload()
    opened(walk)
    walk.sees(walk.says("pictures.place", first=1, last=48, total=60))
    walk.press("pictures.later")
    walk.sees(walk.says("pictures.place", first=49, last=60, total=60))
    walk.press("pictures.clear")
    walk.sees(re.compile("There are no pictures|No pictures yet"))
    assert len(list(albums_dir().iterdir())) == 1, "what was put away is still on the disk for a while"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_example_set_is_drawn_saved_and_read_in_either_language(visit: Visit, language: str) -> None:
    walk = Walk(visit(LOCALES[language]), language)
    opened(walk)
    walk.press("pictures.example")
    walk.sees(re.compile(re.escape(walk.says("error.persona_name_empty"))))
    walk.field("dataset.name").fill("小明")
    walk.field("dataset.maker").fill("张三")
    walk.press("pictures.example")
    walk.sees(walk.says("pictures.place", first=1, last=48, total=PLAIN.pictures), seconds=90)
    (name,) = picture_sets.names()
    assert len(picture_sets.load(name).exam) == 48
    expect(text_of(walk)).to_have_value(re.compile(f"^{walk.says('pairs.question')}"))
    other = {"zh": "en", "en": "zh"}[language]
    walk.page.get_by_label({"zh": "中文", "en": "English"}[other], exact=True).first.check()
    walk = Walk(walk.page, other)
    expect(text_of(walk)).to_have_value(re.compile(f"^{walk.says('pairs.question')}"))
    walk.sees(walk.says("pictures.place", first=1, last=48, total=PLAIN.pictures))
