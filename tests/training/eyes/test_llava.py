from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from training.__main__ import main
from training.errors import UserError
from training.eyes import llava
from training.eyes.llava import Talk

COURSE = {
    "id": 1,
    "image": "images/oph.png",
    "conversations": [
        {"from": "human", "value": "<image>\nWhat is in the picture?"},
        {"from": "gpt", "value": "A red square."},
        {"from": "human", "value": "Where?"},
        {"from": "gpt", "value": "On the left."},
    ],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    (folder / "images").mkdir(parents=True)
    Image.new("RGB", (8, 8), "red").save(folder / "images" / "oph.png")
    Image.new("RGB", (8, 8), "red").save(tmp_path / "secret.png")
    return folder


def read(folder: Path, *rows: Any) -> llava.Found:
    (folder / "data.json").write_text(json.dumps(rows), encoding="utf-8")
    return llava.read(folder / "data.json", folder)


def problem(folder: Path, row: Any) -> str:
    found = read(folder, COURSE, row)
    assert len(found.talks) == 1, "the good row is kept"
    ((number, error),) = found.problems
    assert number == 2 and error.sentence("en") != error.sentence("zh")
    return error.code


def said(*values: str, image: Any = "images/oph.png") -> dict[str, Any]:
    turns = [{"from": ("human", "gpt")[place % 2], "value": value} for place, value in enumerate(values)]
    return {"id": "x", "image": image, "conversations": turns}


def test_the_courses_rows_are_read_also_when_they_are_repeated(folder: Path) -> None:
    found = read(folder, *[COURSE] * 200)
    talk = Talk(("What is in the picture?", "A red square.", "Where?", "On the left."), "images/oph.png")
    assert found.talks == [talk] * 200 and not found.problems


def test_what_is_written_is_what_the_course_has(folder: Path) -> None:
    talks = [Talk(("What is it?", "A square."), "images/oph.png"), Talk(("你是谁", "小明"))]
    llava.write(folder / "new.json", talks)
    first, second = json.loads((folder / "new.json").read_text(encoding="utf-8"))
    assert list(first) == ["id", "image", "conversations"]
    assert first["conversations"][0] == {"from": "human", "value": "<image>\nWhat is it?"}
    assert second["image"] is None and "<image>" not in str(second)
    assert llava.read(folder / "new.json", folder).talks == talks


@pytest.mark.parametrize("value", ["<image>\nWhat?", "What?\n<image>", "<image>What?", "  <image>  What?  "])
def test_the_picture_may_stand_before_or_after_the_first_question(folder: Path, value: str) -> None:
    assert read(folder, said(value, "A square.")).talks == [Talk(("What?", "A square."), "images/oph.png")]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (said("What?", "A square."), "llava_token_missing"),
        (said("<image>\nWhat?", "A square.", image=None), "llava_token_without_picture"),
        (said("Hello", "Hi", "<image>\nWhat?", "A square."), "llava_token_misplaced"),
        (said("<image>\n<image>\nWhat?", "A square."), "llava_token_misplaced"),
        (said("<image>\nWhat?", "A square <image>."), "llava_token_misplaced"),
        (said("<image>", "A square."), "llava_empty"),
        (said("<image>\nWhat?", " "), "llava_empty"),
        (said("<image>\nWhat?"), "llava_turns"),
        (said(), "llava_turns"),
        ({**COURSE, "conversations": COURSE["conversations"][1:]}, "llava_turns"),  # type: ignore[index]
        ({**COURSE, "conversations": [{"from": "human", "value": 3}]}, "llava_turns"),
        ({**COURSE, "conversations": "What?"}, "llava_no_conversations"),
        ("a text", "llava_no_conversations"),
        (said("<image>\nWhat?", "A square.", image=["a.png", "b.png"]), "llava_one_picture"),
        (said("<image>\nWhat?", "A square.", image="images/none.png"), "picture_missing"),
    ],
)
def test_a_row_that_cannot_be_used_is_left_out_with_a_sentence(folder: Path, row: Any, code: str) -> None:
    assert problem(folder, row) == code


@pytest.mark.parametrize(
    "image", ["../secret.png", "images/../../secret.png", "/etc/hosts", "images/link.png", "..\\secret.png"]
)
def test_no_path_leads_out_of_the_folder(folder: Path, image: str) -> None:
    (folder / "images" / "link.png").symlink_to(folder.parent / "secret.png")
    if image.startswith("/"):
        image = str(folder.parent / "secret.png")
    assert problem(folder, said("<image>\nWhat?", "A square.", image=image)) == "picture_outside"


def test_a_broken_picture_is_told_for_each_row_that_wants_it(folder: Path) -> None:
    (folder / "images" / "bad.png").write_bytes(b"bad")
    row = said("<image>\nWhat?", "A square.", image="images/bad.png")
    found = read(folder, row, COURSE, row)
    assert [(number, error.code) for number, error in found.problems] == [
        (1, "picture_unreadable"),
        (3, "picture_unreadable"),
    ]


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '"text"', "[" * 100_000])
def test_a_file_of_another_kind_is_refused(folder: Path, content: str) -> None:
    (folder / "data.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        llava.read(folder / "data.json", folder)
    assert caught.value.code == "llava_unreadable"


def test_a_file_with_a_mark_in_front_is_read(folder: Path) -> None:
    (folder / "data.json").write_text(json.dumps([COURSE]), encoding="utf-8-sig")
    assert len(llava.read(folder / "data.json", folder).talks) == 1


def test_the_command_tells_how_many_rows_are_good_and_why_the_others_are_not(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [COURSE, said("你是谁", "小明", image=None)]
    (folder / "data.json").write_text(json.dumps([*good, said("What?", "A square.")]), encoding="utf-8")
    assert main(["pictures", str(folder / "data.json"), "--language", "zh", "--json"]) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out.splitlines()[-1])
    assert (told["rows"], told["pictures"], told["text_only"], told["bad"]) == (2, 1, 1, 1)
    assert told["problems"][0]["row"] == 3 and told["problems"][0]["message"] in printed.err
    assert printed.err.startswith("第 3 行：")


def test_the_command_fails_when_no_row_is_good(folder: Path, tmp_path: Path) -> None:
    (folder / "data.json").write_text(json.dumps([COURSE]), encoding="utf-8")
    assert main(["pictures", str(folder / "data.json")]) == 0
    assert main(["pictures", str(folder / "data.json"), "--images", str(tmp_path)]) == 1
    assert main(["pictures", str(folder / "none.json")]) == 1
