"""What takes an album off the page asks first when that would lose something."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from tests.training.conftest import wait_for
from tests.ui.visitor import Visitor, english
from training.eyes import album as albums
from training.eyes import binding, picture_sets
from training.eyes.gathering import desk
from training.eyes.llava import Talk
from training.persona import Persona
from ui.picture_pane import PicturePane, picture_pane, wire_pictures

BEGIN, DRAW, OPEN = "Begin anew", "Draw examples", "Open this set"


@pytest.fixture
def pictures() -> tuple[Visitor, PicturePane]:
    """The pane, and somebody who has entered who the assistant is."""
    with gr.Blocks() as demo:
        text = english()
        who = [gr.Textbox("Robin", label="Name"), gr.Textbox("Ada")]
        pane = picture_pane(text)
        wire_pictures(text, pane, who, Persona)
    return Visitor(demo), pane


def album(**content: Any) -> str:
    """An album that is not saved as a set."""
    made = albums.new()
    with albums.changed(made.id) as now:
        vars(now).update(content)
    return made.id


@pytest.fixture
def saved(own_home: Any) -> str:
    binding.save(albums.load(album(talks=[Talk(("Hi", "Saved."))])), "saved")
    return "saved"


@pytest.mark.parametrize("content", [{"talks": [Talk(("Hi", "Hello."))]}, {"raw": {"a.png": "What is"}}])
@pytest.mark.parametrize("way", [BEGIN, DRAW, OPEN])
def test_an_album_that_something_was_written_for_stays_until_the_question_is_answered(
    pictures: tuple[Visitor, PicturePane], saved: str, way: str, content: dict[str, Any]
) -> None:
    visitor, pane = pictures
    mine = album(**content)
    visitor.gets({pane.editor.album: mine, **pane.saving.refreshed()})
    visitor.presses(way)
    assert "They are not saved as a set." in visitor.questions[0]
    assert visitor.sees(pane.editor.album) == mine and picture_sets.names() == [saved]
    visitor.presses("Put away")
    assert visitor.sees(pane.editor.album) != mine and not visitor.questions
    named = {BEGIN: "", DRAW: "Robin-pictures", OPEN: saved}[way]
    assert visitor.sees(pane.saving.name) == named


def test_the_set_that_was_asked_about_is_opened(pictures: tuple[Visitor, PicturePane], saved: str) -> None:
    visitor, pane = pictures
    binding.save(albums.load(album(talks=[Talk(("Hi", "Other."))])), "other")
    visitor.gets({pane.editor.album: album(raw={"a.png": "What is"}), **pane.saving.refreshed(saved)})
    visitor.presses(OPEN)
    visitor.enters("Saved picture sets", "other")
    visitor.presses("Put away")
    assert albums.load(visitor.sees(pane.editor.album)).name == saved


def test_what_takes_long_to_draw_is_waited_for_in_sight_and_nothing_can_be_dropped_meanwhile(
    pictures: tuple[Visitor, PicturePane],
) -> None:
    visitor, pane = pictures
    (listener,) = visitor.listeners(visitor.button(DRAW), "click")
    draw = visitor.steps(listener)
    next(draw)
    assert "The pictures are being drawn." in visitor.sees(pane.dropping.progress)
    assert visitor.is_shown(pane.dropping.progress) and not visitor.is_shown(pane.dropping.example)
    list(draw)
    assert not visitor.is_shown(pane.dropping.progress) and visitor.is_shown(pane.dropping.example)
    assert picture_sets.names() == ["Robin-pictures"]


def test_without_a_name_nothing_is_drawn_and_nothing_is_asked(pictures: tuple[Visitor, PicturePane]) -> None:
    visitor, pane = pictures
    mine = album(talks=[Talk(("Hi", "Hello."))])
    visitor.gets({pane.editor.album: mine})
    visitor.enters("Name", "")
    visitor.presses(DRAW)
    assert visitor.sees(pane.editor.album) == mine and not visitor.questions and not picture_sets.names()
    assert visitor.is_shown(pane.dropping.example)


def test_whether_to_put_an_album_away_is_no_question_any_more_when_another_one_is_there(
    pictures: tuple[Visitor, PicturePane],
) -> None:
    visitor, pane = pictures
    visitor.gets({pane.editor.album: album(raw={"a.png": "What is"})})
    visitor.presses(BEGIN)
    assert visitor.questions
    visitor.enters(pane.editor.album, album(), "change")
    assert not visitor.questions


def dropped(album: str, *files: Path) -> str:
    """Files that have been looked at for an album, the album's own pictures among what is known."""
    begun = desk.start(album, files)
    wait_for(lambda: not desk.look(begun).live)
    return begun


@pytest.fixture
def seen(pictures: tuple[Visitor, PicturePane], tmp_path: Path) -> list[str]:
    """The visitor looks at the first of two pictures."""
    visitor, pane = pictures
    made = albums.new().id
    for name in ("a", "b"):
        Image.new("RGB", (20, 20), "red" if name == "a" else "blue").save(tmp_path / f"{name}.png")
    desk.finish(dropped(made, tmp_path / "a.png", tmp_path / "b.png"), made)
    visitor.gets({**pane.editor.showing(albums.load(made), "en"), **pane.saving.showing(albums.load(made))})
    return [made, *albums.load(made).pictures]


def test_an_answer_that_comes_late_puts_no_text_under_another_picture(
    pictures: tuple[Visitor, PicturePane], seen: list[str], saved: str, tmp_path: Path
) -> None:
    visitor, pane = pictures
    (made, first, second), editor = seen, pane.editor
    albums.say(made, second, "What is it? A blue square.")
    visitor.gets(pane.saving.refreshed())
    visitor.enters(pane.saving.name, "mine")
    Image.new("RGB", (20, 20), "green").save(tmp_path / "c.png")
    visitor.enters(pane.dropping.ended, dropped(made, tmp_path / "c.png"))
    (listener,) = [each for each in visitor.listeners(pane.dropping.ended, "change") if each.name == "end"]
    given = [visitor.sees(each) for each in listener.inputs]
    visitor.gets(editor.showing(albums.load(made), "en", second))  # he goes on meanwhile
    late = listener.fn(*given)
    assert not {editor.chosen, editor.image, editor.said, pane.saving.name, pane.saving.chosen} & set(late)
    visitor.gets(late)
    visitor.does(editor.following, "click")
    assert not [talk for talk in albums.load(made).talks if talk.image == first]
    assert len(albums.load(made).pictures) == 3


def test_what_a_list_says_about_the_picture_one_looks_at_is_shown_and_not_lost(
    pictures: tuple[Visitor, PicturePane], seen: list[str], tmp_path: Path
) -> None:
    visitor, pane = pictures
    made, first, _ = seen
    turns = [{"from": "human", "value": "<image>\nWhat is it?"}, {"from": "gpt", "value": "A red square."}]
    (tmp_path / "list.json").write_text(json.dumps([{"id": 0, "image": first, "conversations": turns}]))
    visitor.enters(pane.dropping.ended, dropped(made, tmp_path / "list.json"), "change")
    assert "A red square." in visitor.sees(pane.editor.said)
    visitor.does(pane.editor.following, "click")
    assert [talk.turns[1] for talk in albums.load(made).talks] == ["A red square."]


def test_what_is_typed_about_a_picture_outlives_a_switch_of_the_language_and_its_marks_follow(
    pictures: tuple[Visitor, PicturePane], seen: list[str]
) -> None:
    visitor, pane = pictures
    made, first, _ = seen
    language = visitor.field("语言 Language")
    visitor.enters(pane.editor.said, "A half written")
    listener = next(each for each in visitor.listeners(language, "change") if each.name == "look_again")
    visitor.enters(language, "zh")
    late = listener.fn(*[visitor.sees(each) for each in listener.inputs])
    assert not {pane.editor.chosen, pane.editor.said} & set(late)
    albums.say(made, first, "Q: What is it?\nA: A square.")
    visitor.enters(pane.editor.said, albums.load(made).text(first, "en"))
    list(visitor.steps(listener))
    assert visitor.sees(pane.editor.said) == albums.load(made).text(first, "zh")
