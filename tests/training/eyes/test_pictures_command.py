from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from training.__main__ import main
from training.eyes import picture_sets
from training.eyes.example import PLAIN
from training.home import albums_dir
from training.importing import staging

TURNS = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "Red."}]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for colour in ("red", "blue"):
        Image.new("RGB", (8, 8), colour).save(tmp_path / "images" / f"{colour}.png")
    rows = [{"image": f"images/{name}.png", "conversations": TURNS} for name in ("red", "none")]
    (tmp_path / "unique_data.json").write_text(json.dumps(rows), encoding="utf-8")
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    capsys.readouterr()
    code = main(["pictures", *arguments, "--json"])
    printed = capsys.readouterr()
    return code, json.loads(printed.out.splitlines()[-1]), printed.err


def test_a_list_with_its_folder_becomes_a_set(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    who = ["--name", "小明", "--maker", "Ada", "--introductions", "3"]
    code, answer, said = told(capsys, str(folder / "unique_data.json"), "--out", "mine", "--repeat", "5", *who)
    assert (code, answer["set"], answer["rows"], answer["bad"]) == (0, "mine", 1, 1)
    assert said.startswith("Row 2: ") and "none.png" in said
    made = picture_sets.load("mine")
    assert answer["summary"]["talks"] == len(made.talks) == 5 + 2 * 9
    assert made.pictures == ["images/red.png"], "of the folder beside, only what a row names is taken"
    assert not list(albums_dir().iterdir()) and not list(staging.imports_dir().iterdir())


def test_without_a_name_nothing_is_saved(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer, _ = told(capsys, str(folder / "unique_data.json"))
    assert (code, answer["rows"], answer["pictures"]) == (0, 1, 1)
    assert picture_sets.names() == []


def test_pictures_alone_are_nothing_to_learn_from(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer, _ = told(capsys, str(folder / "images"), "--out", "mine")
    assert (code, answer["ok"], answer["error"], answer["pictures"]) == (1, False, "pictures_nothing_said", 2)
    assert picture_sets.names() == []


def test_a_folder_and_a_table_are_put_together(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "table.csv").write_text("file,caption\nblue.png,蓝色。\nred.png,\n", encoding="utf-8")
    code, answer, said = told(
        capsys, str(folder / "images"), str(folder / "table.csv"), "--out", "mine", "--language", "zh"
    )
    assert (code, answer["left_out"]) == (0, 1)
    assert said.startswith("table.csv 第 3 行：")
    assert [talk.turns[1] for talk in picture_sets.load("mine").captions] == ["蓝色。"]


def test_the_example_set_needs_somebody_to_be_and_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, answer, _ = told(capsys, "--example", "--out", "shapes")
    assert (code, answer["error"]) == (1, "persona_name_empty")
    code, answer, _ = told(capsys, "--example", "--out", "shapes", "--name", "小明", "--maker", "Ada")
    assert (code, answer["summary"]["held_out"]) == (0, 48)
    code, answer, _ = told(capsys)
    assert list(answer["sets"]) == ["shapes"] and answer["sets"]["shapes"]["pictures"] == PLAIN.pictures


def test_a_name_that_cannot_be_is_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer, _ = told(capsys, str(folder / "unique_data.json"), "--out", "../x")
    assert (code, answer["error"]) == (1, "dataset_name_bad")


def test_a_set_is_replaced_only_where_that_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = (str(folder / "unique_data.json"), "--out", "mine", "--repeat")
    assert told(capsys, *given, "1")[0] == 0
    code, answer, _ = told(capsys, *given, "2")
    assert (code, answer["error"], len(picture_sets.load("mine").talks)) == (1, "dataset_there", 1)
    assert told(capsys, *given, "2", "--replace")[0] == 0 and len(picture_sets.load("mine").talks) == 2


def test_numbers_below_nothing_are_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--introductions", "--repeat"):
        code, answer, _ = told(capsys, str(folder / "unique_data.json"), "--out", "mine", option, "-5")
        assert (code, answer["error"]) == (1, "recipe_too_small") and picture_sets.names() == []
    assert told(capsys, str(folder / "unique_data.json"), "--out", "mine")[0] == 0
    for given in (["--steps", "-1"], ["--processes", "0"]):
        assert main(["start", "--dataset", "mine", *given, "--json"]) == 1
        assert '"error": "recipe_too_small"' in capsys.readouterr().out


def test_of_several_lists_in_a_folder_each_says_which_row_is_its_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "table.csv").write_text("file,caption\nblue.png,Blue.\nred.png,\n", encoding="utf-8")
    _, answer, said = told(capsys, str(folder))
    assert answer["bad"] == 2 and "table.csv, row 3: " in said and "unique_data.json, row 2: " in said


def test_an_empty_folder_has_nothing_and_no_problems(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer, said = told(capsys, str(tmp_path))
    assert (code, answer["error"]) == (1, "pictures_nothing_said") and "above" not in said
