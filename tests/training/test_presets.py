"""Presets on disk: kept, loaded, shared; and every way in which a file from elsewhere can be wrong."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from training import home, preset_file, presets
from training.errors import UserError
from training.preset_file import FIELDS, OF_ONE_MACHINE, Preset
from training.recipe import DEEPSPEEDS, LORA_LAYERS, METHODS, PRECISIONS, Recipe
from training.sentences import LANGUAGES

OWN = replace(Recipe(), learning_rate=2e-4, system="Be kind.", evaluation_inputs=("你是谁",), pack=True, gpus=(0, 1))


def file(**changes: Any) -> bytes:
    """A preset's file with these fields changed; None leaves a field out."""
    told = {"kind": preset_file.KIND, "version": 1, "name": "gentle", "settings": {"learning_rate": 1e-3}, **changes}
    return json.dumps({field: value for field, value in told.items() if value is not None}).encode()


def refused(data: bytes) -> UserError:
    with pytest.raises(UserError) as caught:
        preset_file.read(data, "theirs.json")
    return caught.value


def test_a_saved_preset_comes_back_with_all_settings_but_those_of_one_machine() -> None:
    place = presets.save(Preset("温和 1", presets.settings_of(OWN)))
    assert place == home.home() / "presets" / "温和 1.json" and presets.names() == ["温和 1"]
    loaded = presets.load("温和 1")
    assert replace(Recipe(), **loaded.settings) == replace(OWN, gpus=())
    assert set(loaded.settings) == set(FIELDS) and not set(loaded.settings) & set(OF_ONE_MACHINE)


@pytest.mark.parametrize(
    "field, choices",
    [
        ("method", METHODS),
        ("precision", PRECISIONS),
        ("deepspeed", DEEPSPEEDS),
        ("lora_layers", tuple(LORA_LAYERS)),
    ],
)
def test_every_choice_can_be_kept(field: str, choices: tuple[str, ...]) -> None:
    for choice in choices:
        presets.save(Preset(choice, {field: choice}))
        assert presets.load(choice).settings == {field: choice}


def test_saving_the_same_twice_is_no_question() -> None:
    assert presets.save(Preset("gentle", {"steps": 10})) == presets.save(Preset("gentle", {"steps": 10}))


def test_another_preset_is_never_overwritten_silently() -> None:
    presets.save(Preset("gentle", {"steps": 10}))
    with pytest.raises(UserError) as caught:
        presets.save(Preset(" gentle ", {"steps": 20}))
    assert caught.value.code == "preset_taken" and presets.load("gentle").settings == {"steps": 10}
    presets.save(Preset("gentle", {"steps": 30}), replacing=True)
    assert presets.load("gentle").settings == {"steps": 30}


def test_of_many_that_save_one_name_at_once_one_succeeds() -> None:
    outcomes: list[str] = []

    def save(steps: int) -> None:
        try:
            presets.save(Preset("gentle", {"steps": steps}))
            outcomes.append("saved")
        except UserError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=save, args=(steps,)) for steps in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["preset_taken"] * 7 + ["saved"]
    assert [path.name for path in (home.home() / "presets").glob("*.json")] == ["gentle.json"]


def test_a_file_from_elsewhere_gets_a_free_name() -> None:
    theirs = Preset("x" * 64, {"steps": 10})
    first, second, third = (presets.add(theirs) for _ in range(3))
    assert first == "x" * 64 and second.endswith(" 2") and third.endswith(" 3")
    assert presets.names() == sorted([first, second, third])
    assert presets.read(presets.path(second)) == replace(theirs, name=second)


def test_a_preset_that_could_not_be_loaded_is_not_saved() -> None:
    for settings in ({}, {"steps": 0}, {"colour": "red"}, {"gpus": [0]}, {"system": "x" * preset_file.LONGEST}):
        with pytest.raises(UserError):
            presets.save(Preset("bad", settings))
        with pytest.raises(UserError):
            presets.add(Preset("bad", settings))
    assert presets.names() == []


def test_a_failed_write_leaves_the_old_preset_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    presets.save(Preset("gentle", {"steps": 10}))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(UserError) as caught:
        presets.save(Preset("gentle", {"steps": 20}), replacing=True)
    assert caught.value.code == "disk_full" and presets.load("gentle").settings == {"steps": 10}
    assert sorted(path.name for path in (home.home() / "presets").iterdir()) == [".lock", "gentle.json"]


def test_a_file_that_was_renamed_by_hand_is_called_as_it_is_named() -> None:
    presets.save(Preset("gentle", {"steps": 10})).rename(home.home() / "presets" / "rough.json")
    assert presets.load("rough") == Preset("rough", {"steps": 10})


def test_a_broken_preset_is_listed_refused_and_can_be_deleted() -> None:
    (home.presets_dir() / "broken.json").write_text("{")
    (home.presets_dir() / "_.notes.txt").write_text("")
    assert presets.names() == ["broken"]
    with pytest.raises(UserError, match=r"broken\.json"):
        presets.load("broken")
    presets.delete("broken")
    assert presets.names() == []
    with pytest.raises(UserError) as caught:
        presets.delete("broken")
    assert caught.value.code == "preset_missing"


def test_what_differs_is_told_with_both_values() -> None:
    assert presets.changes(OWN, OWN) == {}
    assert presets.changes(Recipe(learning_rate=2e-4), Recipe(learning_rate=1e-3)) == {"learning_rate": (2e-4, 1e-3)}


def test_a_whole_number_is_taken_where_any_number_fits() -> None:
    settings = preset_file.read(file(settings={"weight_decay": 0, "lora_plus_ratio": 10}), "theirs.json").settings
    assert settings == {"weight_decay": 0.0, "lora_plus_ratio": 10.0}
    assert all(isinstance(value, float) for value in settings.values())


def test_what_a_preset_does_not_say_is_made_to_fit_what_it_says() -> None:
    packed = {"pack": True, "varlen_attention": True}
    assert preset_file.read(file(settings=packed), "theirs.json").settings == packed


def test_a_byte_order_mark_does_no_harm() -> None:
    assert preset_file.read(b"\xef\xbb\xbf" + file(), "theirs.json").name == "gentle"


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [None, {}, [1], "\ud800", 1e999, float("nan"), 10**400, [["x"]], ["a\nb"], [" "]])
def test_a_setting_of_the_wrong_kind_is_refused_by_its_name(field: str, value: Any) -> None:
    error = refused(file(settings={field: value}))
    for language in LANGUAGES:
        said = error.sentence(language)
        assert field in said and len(said) < 300
        said.encode()


@pytest.mark.parametrize(
    "settings, field",
    [
        ({"steps": True}, "steps"),
        ({"steps": 16.0}, "steps"),
        ({"steps": "16"}, "steps"),
        ({"pack": 1}, "pack"),
        ({"pack": "yes"}, "pack"),
        ({"learning_rate": True}, "learning_rate"),
        ({"learning_rate": "1e-3"}, "learning_rate"),
        ({"method": 5}, "method"),
        ({"evaluation_inputs": "Who are you?"}, "evaluation_inputs"),
        ({"steps": 0}, "steps"),
        ({"steps": 2**31}, "steps"),
        ({"seed": -1}, "seed"),
        ({"max_length": 8}, "max_length"),
        ({"lora_dropout": 1}, "lora_dropout"),
        ({"weight_decay": -0.5}, "weight_decay"),
        ({"method": "magic"}, "method"),
        ({"precision": "int3"}, "precision"),
        ({"deepspeed": "zero9"}, "deepspeed"),
        ({"learning_rate": 0}, "learning rate"),
        ({"learning_rate": 2}, "learning rate"),
        ({"prompt_template": "os.system('x')"}, "prompt template"),
        ({"prompt_template": "a" * 5000 + " "}, "prompt template"),
        ({"method": "m" * 50_000}, "method"),
        ({"varlen_attention": True}, "packing"),
        ({"learning_rat": 1e-3}, "learning_rat"),
        ({"dataset": "mine"}, "dataset"),
        ({"model": "/home/me/model"}, "model"),
        *[({field: getattr(Recipe(), field)}, field) for field in OF_ONE_MACHINE],
    ],
)
def test_a_bad_setting_is_refused_by_its_name(settings: dict[str, Any], field: str) -> None:
    error = refused(file(settings=settings))
    assert field in error.sentence("en") and len(error.sentence("en")) < 400
    assert error.sentence("zh") != error.sentence("en")


@pytest.mark.parametrize(
    "data, code",
    [
        (b"", "preset_unreadable"),
        (b"{", "preset_unreadable"),
        (b"\xff\xfe\x00", "preset_unreadable"),
        (b"[" * 60_000, "preset_unreadable"),
        (b"1" * 5000, "preset_unreadable"),
        (b"[]", "preset_not_one"),
        (b"null", "preset_not_one"),
        (b"{}", "preset_not_one"),
        (file(kind="something else"), "preset_not_one"),
        (file(kind=["assistant-studio-preset"]), "preset_not_one"),
        (b" " * (preset_file.LONGEST + 1), "preset_too_long"),
        (file(version=None), "preset_needs_whole"),
        (file(version="1"), "preset_needs_whole"),
        (file(version=True), "preset_needs_whole"),
        (file(version=0), "preset_needs_whole"),
        (file(version=2), "preset_newer"),
        (file(version=2, wings=True, settings={"feathers": 3}), "preset_newer"),
        (file(author="me"), "preset_field_unknown"),
        (file(name=None), "preset_needs_text"),
        (file(name=7), "preset_needs_text"),
        (file(name=""), "preset_name_bad"),
        (file(name="../../.bashrc"), "preset_name_bad"),
        (file(name=".hidden"), "preset_name_bad"),
        (file(name="n" * 65), "preset_name_bad"),
        (file(name="\ud800"), "preset_name_bad"),
        (file(settings=None), "preset_empty"),
        (file(settings={}), "preset_empty"),
        (file(settings=[]), "preset_empty"),
        (file().replace(b'"version"', b'"name": "x", "version"'), "preset_field_twice"),
        (file().replace(b'"learning_rate"', b'"steps": 1, "steps": 2, "learning_rate"'), "preset_field_twice"),
    ],
)
def test_a_file_that_is_no_preset_is_refused_in_a_sentence(data: bytes, code: str) -> None:
    error = refused(data)
    assert error.code == code
    for language in LANGUAGES:
        said = error.sentence(language)
        said.encode()
        assert "\n" not in said and len(said) < 400


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    for place in (tmp_path / "nothing.json", tmp_path):
        with pytest.raises(UserError) as caught:
            presets.read(place)
        assert place.name in caught.value.sentence("en")


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".", "..", "a.", "x\0", "-x"])
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    for act in (presets.path, presets.load, presets.delete):
        with pytest.raises(UserError) as caught:
            act(name)
        assert caught.value.code == "preset_name_bad"
