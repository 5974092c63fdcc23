from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from training import dataset
from training.errors import UserError
from training.eyes import examination, example, llava, picture_sets, run_data
from training.eyes.llava import Talk
from training.eyes.picture_sets import PictureSet
from training.home import datasets_dir
from training.identity import Row
from training.persona import Persona

WHO = Persona("小明", "Ada Lin")
ROW = Row(({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}), "general", "en")


@pytest.fixture
def made(tmp_path: Path) -> PictureSet:
    (tmp_path / "images" / "dogs").mkdir(parents=True)
    Image.new("RGB", (8, 8), "red").save(tmp_path / "images" / "red.png")
    Image.new("RGB", (8, 8), "blue").save(tmp_path / "images" / "dogs" / "蓝.png")
    talks = [
        Talk(("What?", "Red.", "Sure?", "Yes."), "images/red.png"),
        Talk(("你是谁", "小明"), "images/dogs/蓝.png"),
        Talk(("Hi", "Hello")),
    ]
    return PictureSet(tmp_path, talks, [Talk(("Describe.", "A red one."), "images/red.png")], {}, WHO, {"file": "x"})


def code_of(action: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(UserError) as caught:
        action(*arguments)
    assert caught.value.sentence("zh") != caught.value.sentence("en")
    return caught.value.code


def test_what_is_saved_is_what_is_loaded(made: PictureSet) -> None:
    folder = picture_sets.save("mine", made)
    assert picture_sets.load("mine") == replace(made, folder=folder)
    assert [(folder / picture).read_bytes() for picture in made.pictures] == [
        (made.folder / picture).read_bytes() for picture in made.pictures
    ]
    assert not llava.read(folder / "llava.json", folder).problems, "XTuner finds every picture"


def test_the_summary_counts_pictures_once_and_talks_as_they_are(made: PictureSet) -> None:
    picture_sets.save("mine", made)
    told = picture_sets.card("mine")["summary"]
    assert told == {
        "pictures": 2,
        "talks": 3,
        "about_pictures": 2,
        "text_only": 1,
        "questions": 4,
        "captions": 1,
        "held_out": 0,
    }


def test_the_example_set_is_saved_with_its_exam(tmp_path: Path) -> None:
    amounts = example.Amounts(pictures=12, held_out=4)
    folder = example.save("shapes", WHO, 3, amounts)
    drawn = example.build(WHO, 3, amounts)
    back = picture_sets.load("shapes")
    assert (back.talks, back.captions, back.exam, back.persona) == (drawn.talks, drawn.captions, drawn.exam, WHO)
    assert sorted(str(file.relative_to(folder)) for file in folder.rglob("*.png")) == sorted(drawn.pictures)
    assert picture_sets.card("shapes")["summary"]["held_out"] == 4
    sheets = examination.paper(back)
    assert {sheet.kind for sheet in sheets} >= {"colour", "shape", examination.WITH_PICTURE, "identity", "near_miss"}
    assert [file.name for file in datasets_dir().iterdir()] == ["shapes"], "nothing else is left behind"


def test_pictures_and_text_never_take_each_others_place(made: PictureSet) -> None:
    dataset.save("text", [ROW])
    picture_sets.save("seen", made)
    assert (dataset.names(), picture_sets.names()) == (["text"], ["seen"])
    assert code_of(picture_sets.save, "text", made) == "picture_set_taken"
    assert code_of(dataset.save, "seen", [ROW]) == "dataset_taken"
    assert code_of(dataset.copy, "text", "seen") == "dataset_taken"
    assert code_of(picture_sets.copy, "seen", "text") == "picture_set_taken"
    assert code_of(dataset.path, "seen") == "dataset_missing"
    assert code_of(picture_sets.path, "text") == "picture_set_missing"
    assert dataset.free_name("seen") == "seen-2"
    assert list(dataset.load("text")) == [ROW] and len(picture_sets.load("seen").talks) == 3


def test_a_set_that_cannot_be_saved_leaves_the_old_one(made: PictureSet) -> None:
    picture_sets.save("mine", made)
    before = picture_sets.load("mine")
    lost = replace(made, talks=[*made.talks, Talk(("What?", "Gone."), "images/gone.png")])
    assert code_of(picture_sets.save, "mine", lost) == "picture_missing"
    assert code_of(picture_sets.save, "mine", replace(made, talks=[])) == "picture_set_empty"
    outside = replace(made, talks=[Talk(("What?", "It."), "../secret.png")])
    assert code_of(picture_sets.save, "mine", outside) == "picture_outside"
    assert picture_sets.load("mine") == before
    assert [file.name for file in datasets_dir().iterdir()] == ["mine"]


def test_saving_again_leaves_nothing_of_the_old_set(made: PictureSet) -> None:
    picture_sets.save("mine", made)
    folder = picture_sets.save("mine", PictureSet(made.folder, made.talks[:1]))
    assert sorted(file.name for file in folder.iterdir()) == ["card.json", "images", "llava.json"]
    assert [file.name for file in (folder / "images").iterdir()] == ["red.png"]
    assert picture_sets.load("mine").persona is None


def test_a_set_can_be_saved_anew_from_itself(made: PictureSet) -> None:
    picture_sets.save("mine", made)
    picture_sets.save("mine", picture_sets.load("mine"))
    assert picture_sets.load("mine").talks == made.talks
    assert Image.open(picture_sets.path("mine") / "images" / "red.png").size == (8, 8)


def test_a_copy_stays_when_the_first_is_deleted(made: PictureSet) -> None:
    picture_sets.save("mine", made)
    picture_sets.copy("mine", "other")
    picture_sets.copy("mine", "mine")
    picture_sets.delete("mine")
    assert picture_sets.names() == ["other"]
    assert picture_sets.load("other").talks == made.talks
    assert code_of(picture_sets.delete, "mine") == "picture_set_missing"


@pytest.mark.parametrize("file", ["llava.json", "captions.json", "exam.json", "card.json"])
@pytest.mark.parametrize("content", ["{", "[[]]", '{"persona": 3, "a": [{"b": 1}]}'])
def test_a_broken_file_is_told(made: PictureSet, file: str, content: str) -> None:
    folder = picture_sets.save("mine", made)
    (folder / file).write_text(content, encoding="utf-8")
    if file == "card.json" and content == "{":
        assert picture_sets.load("mine").talks == made.talks, "without its card it can be used"
    else:
        assert code_of(picture_sets.load, "mine") == "picture_set_broken"


def test_a_disk_that_knows_no_second_names_takes_copies_and_a_full_one_is_told(
    made: PictureSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "no hard links")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = picture_sets.save("mine", made)
    monkeypatch.setattr(picture_sets.os, "link", refused)
    copied = picture_sets.copy("mine", "other")
    assert all((copied / picture).read_bytes() == (folder / picture).read_bytes() for picture in made.pictures)
    monkeypatch.setattr(picture_sets.shutil, "copyfile", full)
    assert code_of(run_data.bring, "mine", tmp_path / "run") == "disk_full"
    assert code_of(picture_sets.copy, "mine", "third") == "disk_full" and "third" not in picture_sets.names()
