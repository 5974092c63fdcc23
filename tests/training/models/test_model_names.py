from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.models.tiny import write_model
from training import models
from training.errors import UserError


def test_an_empty_home_offers_the_starter() -> None:
    assert models.names() == ["starter"]


def test_complete_folders_are_offered_after_the_starter_and_half_ones_are_not(own_home: Path) -> None:
    for name in ("qwen", "alpha", "half", ".hidden"):
        write_model(own_home / "models" / name)
    (own_home / "models" / "half" / "config.json").unlink()
    (own_home / "models" / "note.txt").write_text("not a model")
    assert models.names() == ["starter", "alpha", "qwen"]


def test_the_starter_is_offered_once_and_found_by_both_its_names(own_home: Path) -> None:
    folder = write_model(own_home / "models" / "SmolLM2-135M-Instruct")
    assert models.names() == ["starter"]
    assert models.starter.ready()
    assert models.folder("starter") == models.folder("SmolLM2-135M-Instruct") == models.place("starter") == folder


def test_the_starter_has_a_place_before_it_is_there(own_home: Path) -> None:
    assert models.place("starter") == own_home / "models" / "SmolLM2-135M-Instruct"
    with pytest.raises(UserError, match="starter") as caught:
        models.folder("starter")
    assert caught.value.code == "model_missing"


def test_a_folder_anywhere_is_found_by_its_absolute_path(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "模型 {1}")
    assert models.folder(folder) == models.place(str(folder)) == folder


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../datasets", "nobody", "a/b", ".SmolLM2-135M-Instruct.part", "/no/where", "{x}"]
)
def test_a_name_without_a_model_is_a_sentence(own_home: Path, name: str) -> None:
    write_model(own_home / "models" / "a" / "b")
    for resolve in (models.folder, models.place):
        with pytest.raises(UserError) as caught:
            resolve(name)
        assert caught.value.code == "model_missing"
        assert name in caught.value.sentence("zh")


def test_half_a_model_is_told_before_anything_starts(own_home: Path) -> None:
    folder = write_model(own_home / "models" / "half")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"model\.safetensors"):
        models.place("half")
