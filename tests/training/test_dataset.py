from __future__ import annotations

import json
from pathlib import Path

import pytest

from training import dataset, files, home, identity
from training.errors import UserError
from training.identity import Row
from training.importing import staging
from training.persona import Persona
from training.tally import summarise


def row(question: str, kind: str = "general", language: str = "en") -> Row:
    return Row(({"role": "user", "content": question}, {"role": "assistant", "content": "Yes."}), kind, language)


def code_of(action: object, *arguments: object) -> str:
    with pytest.raises(UserError) as caught:
        action(*arguments)  # type: ignore[operator]
    for language in ("zh", "en"):
        assert caught.value.sentence(language)
    return caught.value.code


def test_what_is_saved_is_what_is_loaded() -> None:
    persona = Persona('小"明" {name} 🤖\\n', "O'Neil & Söhne")
    rows = identity.build(persona)
    dataset.save("mine", rows, persona)
    assert list(dataset.load("mine")) == rows
    assert dataset.card("mine")["persona"]["name"] == persona.name
    assert dataset.card("mine")["summary"]["rows"] == len(rows)


def test_the_summary_counts_repeats_kinds_and_languages() -> None:
    summary = summarise([row("a"), row("a"), row("谁", "identity", "zh"), row("b", "near_miss")])
    assert (summary.rows, summary.unique, summary.repeated) == (4, 3, 1)
    assert (summary.identity, summary.near_miss, summary.general) == (1, 1, 2)
    assert summary.languages == {"en": 3, "zh": 1}


@pytest.mark.parametrize("name", ["", "  ", "..", "a/b", "../up", ".hidden", "a\x00b", "x" * 65, "-x", "a\\b", "a."])
def test_a_name_that_is_no_folder_name_is_refused(name: str) -> None:
    assert code_of(dataset.save, name, [row("a")]) == "dataset_name_bad"
    assert not any(home.datasets_dir().iterdir())


@pytest.mark.parametrize("name", ["小明", "my set", "v1.2_final-3", "é"])
def test_names_in_any_script_are_kept(name: str) -> None:
    dataset.save(name, [row("a")])
    assert dataset.names() == [name]


@pytest.mark.parametrize("text", ["小明", "A b", '"quotes" {and} 🤖', "🤖", "../..", "x" * 200])
def test_a_suggested_name_is_always_a_valid_one(text: str) -> None:
    suggested = dataset.suggested_name(text)
    assert dataset.checked_name(suggested) == suggested


def test_an_empty_dataset_is_not_saved() -> None:
    assert code_of(dataset.save, "none", []) == "dataset_empty"
    assert dataset.names() == []


@pytest.mark.parametrize("text", ["", "{", "[]", "[1]", '{"messages": []}', '[{"text": 1}]'])
def test_a_broken_file_is_told_with_its_name(text: str) -> None:
    dataset.save("mine", [row("a")])
    dataset.path("mine").write_text(text)
    assert code_of(dataset.load, "mine") == "dataset_broken"


def test_a_deleted_dataset_is_missing_from_then_on() -> None:
    dataset.save("mine", [row("a")])
    dataset.delete("mine")
    assert dataset.names() == [] and code_of(dataset.load, "mine") == "dataset_missing"


def test_a_full_disk_keeps_the_old_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset.save("mine", [row("old")])

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    assert code_of(dataset.save, "mine", [row("new")]) == "disk_full"
    assert dataset.load("mine")[0].messages[0]["content"] == "old"
    assert [file.name for file in dataset.path("mine").parent.iterdir() if file.name.startswith(".")] == []


def test_a_disk_that_is_full_for_the_card_keeps_the_old_rows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset.save("mine", [row("old")], Persona("Old", "Maker"))
    replaced = files.os.replace

    def full(source: Path | str, target: Path) -> None:
        if target.name == "card.json":
            raise OSError(28, "No space left on device")
        replaced(source, target)

    monkeypatch.setattr(files.os, "replace", full)
    assert code_of(dataset.save, "mine", [row("new")], Persona("New", "Maker")) == "disk_full"
    assert dataset.load("mine")[0].messages[0]["content"] == "old"
    assert dataset.card("mine")["persona"]["name"] == "Old" and list(staging.imports_dir().iterdir()) == []


def test_a_copy_that_finds_the_disk_full_leaves_the_dataset_it_would_replace(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset.save("mine", [row("mine")], Persona("Mine", "Maker"))
    dataset.save("other", [row("other")], Persona("Other", "Maker"))

    written: list[int] = []

    def full(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 3:  # labels and card fit, the rows do not
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    assert code_of(dataset.copy, "mine", "other") == "disk_full"
    assert dataset.card("other")["persona"]["name"] == "Other" and len(dataset.load("other")) == 1


def test_a_home_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "file" / "below"))
    assert code_of(dataset.save, "mine", [row("a")]) == "home_not_writable"


def test_the_saved_file_is_plain_openai_messages() -> None:
    dataset.save("mine", [row("你好", language="zh")])
    (saved,) = json.loads(dataset.path("mine").read_text(encoding="utf-8"))
    assert saved == {"messages": [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "Yes."}]}
