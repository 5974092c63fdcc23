"""The real XTuner on the real starter weights: it learns its name, and it stops when it is asked to."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.conftest import processes_of, wait_for
from training import dataset, home, identity, merge, models, runs
from training.exam import parity
from training.persona import Persona
from training.recipe import Recipe
from training.runs import progress

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200)]


@pytest.fixture
def sunny(starter_home: Path) -> str:
    """A saved identity dataset."""
    persona = Persona("Sunny", "O'Hara {and} 张三")
    dataset.save("sunny", identity.build(persona), persona)
    return "sunny"


def test_the_demo_teaches_the_starter_model_its_name_in_both_languages(starter_home: Path) -> None:
    command = [sys.executable, "-m", "training", "demo", "--name", "小明", "--maker", "张三", "--json"]
    done = subprocess.run([*command, "--home", str(starter_home)], capture_output=True, text=True, cwd=home.ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["ok"] is True
    assert all("小明" in told["answers"][question] for question in ("你是谁", "Who are you?"))
    assert {"weights", "dataset", "train", "exam", "merge", "total"} == set(told["seconds"])
    recommended = told["exam"]["recommended"]
    assert told["exam"]["base"]["recall"] == 0 < recommended["recall"] and set(recommended["languages"]) == {"zh", "en"}
    assert recommended["step"] in {one["step"] for one in told["exam"]["checkpoints"]}
    compared = parity.load(runs.folder(runs.names()[0]))
    assert compared is not None and compared.step == recommended["step"] and compared.equal >= 0.95 * compared.asked
    _loads_anywhere(Path(told["model"]))
    (run,) = runs.names()
    losses = [point.loss for point in progress.points(runs.folder(run))]
    assert len(losses) == told["steps"] and sum(losses[-5:]) < 0.7 * sum(losses[:5])
    asked = {sample.step for sample in progress.samples(runs.folder(run))}
    assert {0, told["steps"]} <= asked
    assert "小明" not in progress.samples(runs.folder(run))[0].answer


def _loads_anywhere(merged: Path) -> None:
    """Plain transformers, no remote code, nothing but safetensors, and it knows where an answer ends."""
    code = (
        "import sys; from transformers import AutoModelForCausalLM as M, AutoTokenizer as T\n"
        "t = T.from_pretrained(sys.argv[1], trust_remote_code=False)\n"
        "m = M.from_pretrained(sys.argv[1], trust_remote_code=False)\n"
        "turn = [{'role': 'user', 'content': 'Who are you?'}]\n"
        "i = t.apply_chat_template(turn, add_generation_prompt=True, return_tensors='pt', return_dict=True)\n"
        "o = m.generate(**i, max_new_tokens=200)\n"
        "print(o[0, -1].item() == t.eos_token_id == m.generation_config.eos_token_id)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(merged)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"
    assert not [file.name for file in merged.iterdir() if file.suffix in (".bin", ".py", ".pth", ".model")]


def test_a_real_training_that_is_stopped_and_kept_becomes_a_model(sunny: str, starter_home: Path) -> None:
    run = runs.start(sunny, models.STARTER, replace(Recipe(), steps=200, save_every=100, evaluation_tokens=4))
    wait_for(lambda: runs.look(run).step >= 2, seconds=240)
    runs.stop(run, keep=True)
    assert runs.look(run).live
    wait_for(lambda: not runs.look(run).live, seconds=240)
    final = runs.look(run)
    assert final.phase == "stopped" and 2 <= final.step < 20, final
    assert list(merge.whole_checkpoints(runs.folder(run) / "work")) == [final.step]
    merged = runs.merged(run)
    assert merged is not None
    models.check(merged)


def test_a_real_training_that_is_discarded_leaves_no_process(sunny: str, starter_home: Path) -> None:
    run = runs.start(sunny, models.STARTER, Recipe())
    wait_for(lambda: runs.look(run).phase == "training", seconds=60)
    assert runs.stop(run).phase == "stopped"
    wait_for(lambda: not processes_of(starter_home))
    assert runs.merged(run) is None
