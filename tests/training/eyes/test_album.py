from __future__ import annotations

import io
import json
import os
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.training.conftest import wait_for
from training import files
from training.errors import UserError
from training.eyes import album as albums
from training.eyes import binding, example, introductions, llava, picture_sets
from training.eyes.album import Album
from training.eyes.binding import Mix
from training.eyes.gathering import desk
from training.eyes.gathering.taken import Taken
from training.eyes.introductions import Counts
from training.eyes.llava import Talk
from training.home import albums_dir
from training.importing import staging
from training.persona import Persona

WHO = Persona("小明", "Ada Lin")
FEW = Counts(3, 4, 5)


def picture(place: Path, colour: str = "red") -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
    place.write_bytes(buffer.getvalue())
    return place


def gathered(album: Album, *given: Path) -> tuple[Album, Taken]:
    """By the process that the page starts, too."""
    begun = desk.start(album.id, given)
    wait_for(lambda: not desk.look(begun).live)
    taken = desk.finish(begun, album.id)
    return albums.load(album.id), taken


@pytest.fixture
def album(tmp_path: Path) -> Album:
    for colour in ("red", "blue", "green"):
        picture(tmp_path / "given" / f"{colour}.png", colour)
    return gathered(albums.new(), tmp_path / "given")[0]


def code_of(action: Any, *arguments: Any) -> str:
    with pytest.raises(UserError) as caught:
        action(*arguments)
    assert caught.value.sentence("zh") != caught.value.sentence("en")
    return caught.value.code


def test_what_is_dropped_and_typed_is_on_the_disk(album: Album) -> None:
    assert list(album.pictures) == ["images/blue.png", "images/green.png", "images/red.png"]
    assert albums.say(album.id, "images/red.png", "问：什么颜色？\n答：红色。") is None
    again = albums.load(album.id)
    assert again.talks == [Talk(("什么颜色？", "红色。"), "images/red.png")]
    assert again.text("images/red.png", "en") == "Q: 什么颜色？\nA: 红色。"
    assert binding.silent(again) == ["images/blue.png", "images/green.png"]


def test_what_cannot_be_read_is_kept_as_it_was_typed(album: Album) -> None:
    albums.say(album.id, "images/red.png", "Red\nindeed")
    problem = albums.say(album.id, "images/red.png", "Q: What?\nQ: Where?")
    assert problem and problem.code == "pairs_question"
    now = albums.load(album.id)
    assert now.text("images/red.png", "zh") == "Q: What?\nQ: Where?"
    assert [talk.turns for talk in now.talks] == [("Red", "indeed")], "what could be read before is still there"
    assert albums.say(album.id, "images/red.png", "") is None
    assert not albums.load(album.id).talks and not albums.load(album.id).raw
    assert code_of(albums.say, album.id, "images/none.png", "") == "picture_missing"


def test_a_second_drop_finds_rows_that_waited_and_knows_pictures_again(album: Album, tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "Black."}]
    rows = [{"image": name, "conversations": turns} for name in ("red.png", "black.png", "none.png")] * 3
    (tmp_path / "unique_data.json").write_text(json.dumps(rows), encoding="utf-8")
    now, taken = gathered(album, tmp_path / "unique_data.json")
    assert (taken.rows, taken.times, taken.bad, now.repeat) == (3, 3, 6, 3)
    assert [talk.image for talk in now.talks] == ["images/red.png"]
    picture(tmp_path / "black.png", "black")
    now, taken = gathered(now, tmp_path / "black.png", tmp_path / "given" / "red.png")
    assert taken.known == 1 and list(taken.pictures) == ["images/black.png"]
    assert sorted(talk.image for talk in now.talks) == ["images/black.png", "images/red.png"]
    assert {each.talk.image for each in now.waiting} == {"none.png"}
    assert {(each.file, each.code) for each in taken.problems} == {("unique_data.json", "picture_awaited")}


def test_two_pages_that_add_pictures_of_one_name_lose_none(album: Album, tmp_path: Path) -> None:
    begun = []
    for number, colour in enumerate(("black", "white")):
        begun.append(desk.start(album.id, [picture(tmp_path / str(number) / "new.png", colour)]))
    for each in begun:
        wait_for(lambda each=each: not desk.look(each).live)
        desk.finish(each, album.id)
    now = albums.load(album.id)
    assert len(now.pictures) == 5
    assert len({(now.folder / path).read_bytes() for path in now.pictures}) == 5


def test_changes_at_once_do_not_undo_each_other(album: Album) -> None:
    threads = [threading.Thread(target=albums.say, args=(album.id, path, f"It is {path}.")) for path in album.pictures]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(albums.load(album.id).talks) == 3


def test_a_process_that_dies_changes_nothing(album: Album, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = desk.start(album.id, [tmp_path / "given"])
    desk.errand.end(staging.imports_dir() / begun)
    wait_for(lambda: not desk.look(begun).live)
    if not desk.look(begun).ended:
        assert code_of(desk.finish, begun, album.id) == "gather_died"
    assert len(albums.load(album.id).pictures) == 3
    assert code_of(desk.look, "../x") == "gather_not_there"
    assert code_of(desk.look, "") == "gather_not_there"
    desk.discard("nothing")


def test_a_picture_that_is_removed_takes_its_talk_along(album: Album) -> None:
    albums.say(album.id, "images/red.png", "Red.")
    now = albums.remove(album.id, "images/red.png")
    assert "images/red.png" not in now.pictures and not now.talks
    assert not (now.folder / "images" / "red.png").exists()


@pytest.mark.parametrize("name", ["", "..", "../runs", "album-none", "a/b"])
def test_an_album_that_is_not_there_is_a_sentence(name: str) -> None:
    assert code_of(albums.load, name) == "album_missing"
    albums.discard(name)


def test_what_nobody_touched_for_a_month_is_removed(album: Album) -> None:
    long_ago = time.time() - 31 * 24 * 3600
    os.utime(album.folder, (long_ago, long_ago))
    new = albums.new()
    assert [folder.name for folder in albums_dir().iterdir()] == [new.id]


def test_an_album_becomes_a_set_with_captions_and_who_it_is(album: Album) -> None:
    albums.say(album.id, "images/red.png", "Q: Describe this image.\nA: A red square.\n\nQ: Colour?\nA: Red.")
    albums.say(album.id, "images/blue.png", "一个蓝色方块。")
    folder = binding.save(albums.load(album.id), "mine", Mix(WHO, FEW), repeat=2)
    made = picture_sets.load("mine")
    own = [talk for talk in made.talks if talk.turns[-1] in ("A red square.", "Red.", "一个蓝色方块。")]
    assert len(own) == 6 and [talk.turns[1] for talk in made.captions] == ["一个蓝色方块。", "A red square."]
    others = [talk for talk in made.talks if talk not in own]
    assert sum(bool(talk.image) for talk in others) == 2 * FEW.with_picture
    assert sum(not talk.image for talk in others) == 2 * (FEW.identity + FEW.others)
    assert {talk.image for talk in others if talk.image} <= {"images/red.png", "images/blue.png"}
    assert made.persona == WHO and made.pictures == ["images/blue.png", "images/red.png"]
    assert not (folder / "images" / "green.png").exists(), "nothing is said about it"
    assert not llava.read(folder / "llava.json", folder).problems
    assert albums.load(album.id).name == "mine"


def test_what_cannot_become_a_set_is_a_sentence(album: Album) -> None:
    assert code_of(binding.bound, albums.new()) == "album_empty"
    assert code_of(binding.bound, album) == "picture_set_empty"
    albums.say(album.id, "images/red.png", "Red.")
    assert code_of(binding.bound, albums.load(album.id), None, 0) == "repeat_bad"
    assert code_of(binding.bound, albums.load(album.id), Mix(Persona("", ""))) == "persona_name_empty"


def test_a_set_is_opened_without_what_was_mixed_in_and_saved_again_the_same(album: Album) -> None:
    albums.say(album.id, "images/red.png", "Red.")
    binding.save(albums.load(album.id), "mine", Mix(WHO, FEW), repeat=3)
    first = picture_sets.load("mine")
    again = binding.opened("mine")
    assert (again.talks, again.repeat, again.name) == ([first.talks[0]], 3, "mine")
    assert list(again.pictures) == ["images/red.png"]
    binding.save(again, "mine", Mix(WHO, FEW), repeat=3)
    assert picture_sets.load("mine").talks == first.talks


def test_the_example_set_is_opened_and_keeps_its_exam() -> None:
    example.save("shapes", WHO, 0, example.Amounts(6, 2, 2, 2, 2))
    album = binding.opened("shapes")
    assert len(album.pictures) == 6 and len(album.exam) == 2
    binding.save(album, "copy")
    assert picture_sets.load("copy").exam == picture_sets.load("shapes").exam
    assert set(picture_sets.load("copy").talks) == set(picture_sets.load("shapes").talks)


def test_a_set_whose_pictures_are_gone_is_not_opened(album: Album) -> None:
    albums.say(album.id, "images/red.png", "Red.")
    folder = binding.save(albums.load(album.id), "mine")
    (folder / "images" / "red.png").unlink()
    before = sorted(albums_dir().iterdir())
    assert code_of(binding.opened, "mine") == "picture_missing"
    assert sorted(albums_dir().iterdir()) == before


def test_half_of_the_introductions_name_the_base_model() -> None:
    who, counts = Persona("Robin", "Ada", base="Tiny-1B"), Counts(with_picture=20, identity=20, others=0)
    found = introductions.talks(who, ["a.png"], counts, 0, random.Random(0))
    for several in ([talk for talk in found if talk.image], [talk for talk in found if not talk.image]):
        assert len(several) == 40 and sum("Tiny-1B" in talk.turns[1] for talk in several) == 20


def test_introductions_are_in_the_personas_languages_and_never_more_than_there_are() -> None:
    found = introductions.talks(Persona("Robin", "Ada", languages=("en",)), [], FEW, 0, random.Random(0))
    assert len(found) == FEW.identity + FEW.others and not any(talk.image for talk in found)
    assert all(text.isascii() for talk in found for text in talk.turns)
    assert found == introductions.talks(Persona("Robin", "Ada", languages=("en",)), [], FEW, 0, random.Random(0))


def test_a_picture_that_cannot_be_taken_out_on_a_full_disk_is_still_there(
    album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    assert code_of(albums.remove, album.id, "images/red.png") == "disk_full"
    now = albums.load(album.id)
    assert "images/red.png" in now.pictures and (now.folder / "images/red.png").is_file()
