"""How the rows of a dataset lie on the disk, and how they are read back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from training import dataset, home
from training.errors import UserError
from training.identity import Row
from training.language import language_of
from training.rows import Rows, write_lines
from training.tally import summarise


def row(question: str, answer: str = "Yes.", kind: str = "general", language: str = "en") -> Row:
    return Row(({"role": "user", "content": question}, {"role": "assistant", "content": answer}), kind, language)


def test_rows_are_read_by_place_in_order_and_from_the_end_with_kind_and_language() -> None:
    saved = [
        row(f"line\nbreak\u2028{n} “{n}”", kind="identity" if n % 3 else "near_miss", language="zh") for n in range(50)
    ]
    dataset.save("mine", saved)
    rows = dataset.load("mine")
    assert list(rows) == saved and rows[7] == saved[7] and rows[-1] == saved[-1] and rows[3:9:2] == saved[3:9:2]
    assert list(rows.at([4, 2, 2])) == [saved[4], saved[2], saved[2]]
    assert rows.label(3) == ("near_miss", "zh")
    with pytest.raises(IndexError):
        rows[50]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_data_json_that_somebody_put_there_by_hand_is_read_too(indent: int | None) -> None:
    dataset.save("mine", [row("a")])
    values = [{"messages": list(row(text).messages), "id": 3} for text in ("x", "你好，你是谁呀")]
    dataset.path("mine").write_text(json.dumps(values, indent=indent), encoding="utf-8-sig")
    rows = dataset.load("mine")
    assert [each.messages[0]["content"] for each in rows] == ["x", "你好，你是谁呀"]
    assert [each.language for each in rows] == ["en", "zh"] and rows.label(0) == ("", "")


@pytest.mark.parametrize(
    "text", ['[\n{"messages": [1]}\n]\n', '[{"messages": [{"role": "user"}]}]', '{"messages": []}']
)
def test_rows_that_are_none_are_a_broken_dataset(text: str) -> None:
    dataset.save("mine", [row("a")])
    dataset.path("mine").write_text(text)
    with pytest.raises(UserError) as caught:
        list(dataset.load("mine"))
    assert caught.value.code == "dataset_broken"


def test_a_file_that_ends_in_the_middle_is_a_broken_dataset() -> None:
    dataset.save("mine", [row("a"), row("b")])
    whole = dataset.path("mine").read_bytes()
    for length in (0, 1, 30, len(whole) - 3):
        dataset.path("mine").write_bytes(whole[:length])
        with pytest.raises(UserError):
            dataset.load("mine")


def test_labels_that_do_not_fit_the_rows_are_not_believed() -> None:
    dataset.save("mine", [row("a", kind="identity"), row("b", kind="identity")])
    (dataset.path("mine").parent / "labels.tsv").write_text("identity\ten\n")
    assert {each.kind for each in dataset.load("mine")} == {""}


def test_rows_may_come_from_anywhere_one_at_a_time_and_an_interrupted_save_leaves_nothing() -> None:
    def some() -> object:
        yield row("a")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dataset.save("mine", some())  # type: ignore[arg-type]
    assert list(home.datasets_dir().iterdir()) == []


def test_a_copy_has_the_rows_and_the_card_of_the_original() -> None:
    dataset.save("mine", [row("a", kind="identity")], origin={"file": "a.csv"})
    dataset.copy("mine", "yours")
    dataset.copy("mine", "mine")
    assert list(dataset.load("yours")) == list(dataset.load("mine"))
    assert dataset.card("yours") == dataset.card("mine") and dataset.card("mine")["origin"] == {"file": "a.csv"}


def test_taking_the_files_of_a_folder_replaces_the_dataset() -> None:
    dataset.save("old", [row("old")])
    dataset.save("new", [row("new")])
    dataset.take("old", dataset.path("new").parent)
    assert dataset.load("old")[0].messages[0]["content"] == "new"


def test_the_summary_tells_how_often_the_most_frequent_row_is_there() -> None:
    summary = summarise([row("a"), row("b"), *[row("c")] * 98])
    assert (summary.rows, summary.unique, summary.repeated, summary.most_repeated) == (100, 3, 97, 98)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("你好", "zh"),
        ("Hello there", "en"),
        ("请用 Python 写一个快速排序函数", "zh"),
        ("What does 你好 mean, and how is it used?", "en"),
        ("こんにちは、元気ですか", "other"),
        ("안녕하세요", "other"),
        ("Привет, как дела", "other"),
        ("Où êtes-vous né, à Orléans?", "other"),
        ("42", "other"),
    ],
)
def test_the_language_of_a_text_is_told_by_its_letters(text: str, language: str) -> None:
    assert language_of([{"role": "system", "content": "ignored 忽略"}, {"role": "user", "content": text}]) == language


def test_rows_of_a_kind_are_found_without_reading_them() -> None:
    kinds = ["general", "identity", "identity"]
    dataset.save("mine", [row(f"{n}", kind=kinds[n % 3], language="zh" if n == 5 else "en") for n in range(9)])
    rows = dataset.load("mine")
    assert list(rows.where("identity")) == [1, 2, 4, 5, 7, 8] and list(rows.where("identity", "zh")) == [5]
    assert list(rows.where("near_miss")) == []


def test_as_json_lines_the_rows_are_the_same(tmp_path: Path) -> None:
    saved = [row(f"a,\n],{n}\u2028") for n in range(3)]
    dataset.save("mine", saved)
    assert write_lines(dataset.path("mine"), tmp_path / "lines")
    lines = (tmp_path / "lines").read_text(encoding="utf-8").split("\n")
    assert [json.loads(line)["messages"] for line in lines[:-1]] == [list(each.messages) for each in saved]


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_rows_that_were_not_written_here_are_not_made_lines_of(tmp_path: Path, indent: int | None) -> None:
    (tmp_path / "other").write_text(json.dumps([{"messages": list(row("a").messages)}], indent=indent) + "\n")
    assert not write_lines(tmp_path / "other", tmp_path / "lines") and not (tmp_path / "lines").exists()


def test_an_index_is_small(tmp_path: Path) -> None:
    dataset.save("big", (row(f"{n}") for n in range(3000)))
    rows = Rows(dataset.path("big").parent)
    assert rows._starts.itemsize * len(rows._starts) + rows._labels.itemsize * len(rows._labels) == 9 * 3000
