from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from training import __main__ as command_line
from training.errors import UserError
from training.eyes import demo
from training.eyes.llava_config import Places
from training.persona import Persona


def fake_training(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(demo.xtuner, "train", lambda config, work, recipe: [sys.executable, "-c", code, str(work)])


def failure(folder: Path) -> UserError:
    places = Places(folder / "model", folder / "encoder", folder / "data")
    with pytest.raises(UserError) as caught:
        demo._train(folder / "pretrain", demo.PRETRAIN, places, lambda line: None)
    assert caught.value.code == "demo_failed"
    return caught.value


def test_a_stage_that_fails_is_a_sentence_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_training(monkeypatch, "raise ValueError('end should be larger than begin')")
    assert failure(tmp_path).details["reason"] == "ValueError: end should be larger than begin"


def test_a_stage_that_leaves_no_checkpoint_has_failed_whatever_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_training(monkeypatch, "print('all is well')")
    assert failure(tmp_path).details["reason"] == "all is well"


TRAINS = """
import json, pathlib, sys, time
work = pathlib.Path(sys.argv[1])
(work / "a" / "vis_data").mkdir(parents=True)
lines = [json.dumps({"step": step, "lr": 0.1, "loss": 9 - step, "time": 1.0}) + "\\n" for step in (1, 2)]
(work / "a" / "vis_data" / "scalars.json").write_text("".join(lines))
deadline = time.monotonic() + 60
while not (work.parent / "heard").exists() and time.monotonic() < deadline:
    time.sleep(0.02)
(work / "iter_2.pth").touch()
"""


def test_a_stage_tells_how_far_it_is_and_gives_its_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_training(monkeypatch, TRAINS)
    monkeypatch.setattr(demo, "TICK", 0.02)
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        (tmp_path / "pretrain" / "heard").touch()

    places = Places(tmp_path / "model", tmp_path / "encoder", tmp_path / "data")
    checkpoint = demo._train(tmp_path / "pretrain", demo.Stage("captions.json", 2, 1e-3), places, hear)
    assert checkpoint.name == "iter_2.pth"
    assert said == ["pretrain 2/2, loss 7.00"]


@pytest.mark.parametrize("ok", [True, False])
def test_the_command_gives_one_json_object_and_a_true_exit_code(
    ok: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Persona] = []

    def fake(persona: Persona, say: Any) -> dict[str, Any]:
        asked.append(persona)
        return {"ok": ok, "exam": {"colour": 0.5}}

    monkeypatch.setattr(demo, "demo", fake)
    assert command_line.main(["demo", "--eyes", "--name", "小明", "--maker", "Ada Lin", "--json"]) == (0 if ok else 1)
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"ok": ok, "exam": {"colour": 0.5}}
    assert (asked[0].name, asked[0].maker) == ("小明", "Ada Lin")
