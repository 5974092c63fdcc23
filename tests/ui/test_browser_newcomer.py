"""The main job in a real browser, with the real XTuner and the real starter weights: it takes, and it is heard."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.ui.test_browser import Visit, Walk
from training import exam, home, models, runs
from training.exam import parity, recommendation
from training.runs import progress

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.timeout(2700)]
STEPS = 30
"""Enough to answer with its name, though not to pass the exam (docs/recipe.md)."""


def test_a_newcomer_teaches_the_starter_model_its_name_and_hears_it(starter_home: Path, visit: Visit) -> None:
    walk = Walk(visit("zh-CN"), "zh")
    walk.build("小满", "李雷")
    walk.save()
    walk.page.get_by_role("button", name=walk.says("train.advanced")).click()
    expect(walk.field("train.steps")).not_to_have_value("160")  # the suggestion has come
    walk.field("train.steps").fill(str(STEPS))  # what is suggested takes more than twice as long
    walk.press("train.start")
    walk.sees(walk.says("run.phase_training"))
    walk.sees(walk.says("run.phase_done"), seconds=2400)
    (run,) = runs.names()
    walk.press("run.next")
    walk.press("chat.ask_who")
    walk.sees(re.compile("我.*小满"), seconds=240)
    walk.press("chat.clear")  # so small a model goes on in the language in which the talk began
    walk.page.get_by_placeholder(walk.says("chat.message_example")).fill("Who are you?")
    walk.press("chat.send")
    walk.sees(re.compile("I.* 小满"), seconds=240)
    spec = runs.spec(run)
    assert (spec["model"], spec["recipe"]["steps"]) == (models.STARTER, STEPS) and home.home() == starter_home
    _took(runs.folder(run))
    merged = runs.merged(run)
    assert merged is not None
    _loads_anywhere(merged)


def _took(folder: Path) -> None:
    """The loss fell, the exam says that it knows its name now, and the merged model says what the checkpoint says."""
    losses = [point.loss for point in progress.points(folder)]
    assert len(losses) == STEPS and sum(losses[-5:]) < 0.7 * sum(losses[:5])
    samples = progress.samples(folder)
    assert {0, STEPS} <= {sample.step for sample in samples} and "小满" not in samples[0].answer
    told = recommendation.told_of(folder, exam.load(folder))
    assert told is not None and (told["base"]["recall"], told["base"]["parrot"]) == (0, 0)
    assert told["base"]["languages"]["en"]["general"] > 0
    recommended = told["recommended"]
    assert recommended["recall"] > 0.5 and set(recommended["languages"]) == {"zh", "en"}
    assert recommended["step"] in {one["step"] for one in told["checkpoints"]}
    compared = parity.load(folder)
    assert compared is not None and compared.step == recommended["step"] and compared.equal >= 0.95 * compared.asked


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
