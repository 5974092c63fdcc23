"""`python -m training presets` and `start --preset`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.conftest import Behave, ended
from tests.training.test_command_line import run
from training import presets, runs
from training.__main__ import main
from training.preset_file import FIELDS, Preset


def test_a_preset_is_saved_listed_shown_shared_and_deleted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    given = ("--set", "learning_rate=2e-4", "--set", "pack=true", "--set", "system=5 words", "--set", "method=qlora")
    code, answer, _ = run(capsys, "presets", "save", "gentle", *given)
    assert (code, answer["preset"]) == (0, "gentle")
    assert run(capsys, "presets")[1] == run(capsys, "presets", "list")[1] == {"presets": ["gentle"]}
    shown = run(capsys, "presets", "show", "gentle")[1]
    assert shown["settings"] == {"learning_rate": 2e-4, "pack": True, "system": "5 words", "method": "qlora"}
    assert main(["presets", "show", "gentle"]) == 0  # as it is shared
    (tmp_path / "sent.json").write_text(capsys.readouterr().out)
    assert run(capsys, "presets", "delete", "gentle")[:2] == (0, {"deleted": "gentle"})
    assert run(capsys, "presets", "save", "--file", str(tmp_path / "sent.json"))[1]["preset"] == "gentle"
    assert run(capsys, "presets", "save", "mine", "--file", str(tmp_path / "sent.json"), "--set", "steps=9")[0] == 0
    assert presets.load("mine").settings == {**shown["settings"], "steps": 9}


@pytest.mark.parametrize(
    "arguments, code",
    [
        (("save", "gentle", "--set", "steps=9"), "preset_taken"),
        (("save", "other"), "preset_empty"),
        (("save", "--set", "steps=9"), "preset_name_bad"),
        (("save", "other", "--set", "steps"), "preset_needs_whole"),
        (("save", "other", "--set", "steps=many"), "preset_needs_whole"),
        (("save", "other", "--set", "stepz=9"), "preset_field_unknown"),
        (("save", "other", "--set", "processes=0"), "recipe_too_small"),
        (("save", "other", "--run", "nobody"), "run_missing"),
        (("save", "other", "--file", "/nowhere.json"), "preset_file_missing"),
        (("show", "nobody"), "preset_missing"),
        (("delete", "nobody"), "preset_missing"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: tuple[str, ...], code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    presets.save(Preset("gentle", {"steps": 5}))
    exit_code, answer, err = run(capsys, "presets", *arguments)
    assert (exit_code, answer["error"]) == (1, code) and len(err.strip().splitlines()) == 1
    assert presets.names() == ["gentle"] and presets.load("gentle").settings == {"steps": 5}


def test_a_run_takes_a_presets_settings_and_a_preset_those_of_a_run(
    fake_xtuner: Behave, who: str, tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    presets.save(Preset("gentle", {"learning_rate": 2e-4, "steps": 6, "save_every": 3, "method": "lora"}))
    begin = ("start", "--dataset", who, "--model", tiny, "--preset")
    begun = run(capsys, *begin, "gentle")[1]["run"]
    ended(begun)
    recipe = runs.spec(begun)["recipe"]
    assert (recipe["learning_rate"], recipe["steps"], recipe["save_every"]) == (2e-4, 6, 3)
    assert recipe["lora_plus_ratio"] == 10.0  # what the preset does not say is suggested
    assert "lr=0.0002" in (runs.folder(begun) / "config.py").read_text().replace(" ", "")
    run(capsys, "presets", "save", "from run", "--run", begun)
    kept = presets.load("from run").settings
    assert set(kept) == set(FIELDS) and kept["learning_rate"] == 2e-4
    code, answer, _ = run(capsys, *begin, "nobody")
    assert (code, answer["error"]) == (1, "preset_missing") and runs.names() == [begun]


def test_what_is_given_to_start_goes_before_the_preset(
    fake_xtuner: Behave, who: str, tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    presets.save(Preset("whole", {"method": "full", "steps": 6, "batch_size": 4}))
    command = ("start", "--dataset", who, "--model", tiny, "--preset", "whole", "--method", "lora", "--steps", "4")
    begun = run(capsys, *command)[1]["run"]
    ended(begun)
    recipe = runs.spec(begun)["recipe"]
    assert (recipe["method"], recipe["steps"], recipe["batch_size"]) == ("lora", 4, 4)


def test_show_tells_what_a_preset_changes_for_a_dataset(
    who: str, tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    presets.save(Preset("gentle", {"learning_rate": 2e-4, "max_norm": 1.0}))
    command = ("presets", "show", "gentle", "--dataset", who, "--model", tiny)
    code, answer, err = run(capsys, *command)
    assert code == 0 and answer["changes"] == {"learning_rate": {"value": 2e-4, "suggested": 4e-4}}
    assert err.strip() == "learning_rate: 0.0002 instead of 0.0004"
    assert main([*command, "--language", "zh"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["settings"]["learning_rate"] == 2e-4 and "建议值" in err


def test_a_config_of_xtuners_is_fitted_with_a_preset(who: str, tiny: str, capsys: pytest.CaptureFixture[str]) -> None:
    presets.save(Preset("long", {"max_length": 777}))
    command = ("config", "internlm2_chat_1_8b_qlora_alpaca_e3", "--dataset", who, "--model", tiny, "--preset", "long")
    code, answer, _ = run(capsys, *command)
    assert code == 0 and "max_length = 777" in answer["text"]
