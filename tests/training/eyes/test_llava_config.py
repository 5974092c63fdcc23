from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from training.eyes import llava_config
from training.eyes.llava_config import Places, Stage

NASTY = "x'); __import__('os').system('touch /tmp/owned') #\"\"\"\n{name}\\"
STAGE = Stage("llava.json", 40, 1e-3, 16)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("rank", [0, 16])
def test_user_text_goes_in_as_a_value_never_as_code(rank: int, device: str) -> None:
    place = Path("/m") / NASTY
    text = llava_config.render(replace(STAGE, data=NASTY, lora_rank=rank), Places(place, place, place, place), device)
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    assert {ast.unparse(call.func) for call in calls} == {"__import__", "__import__('sys').path.append", "dict"}
    imports = [ast.unparse(call) for call in calls if ast.unparse(call.func) == "__import__"]
    assert sorted(imports) == ["__import__('sys')", "__import__('training.xtuner_repairs')"]


def test_the_first_stage_has_no_lora_and_the_second_begins_where_the_first_ended() -> None:
    places = Places(Path("/m"), Path("/v"), Path("/d"))
    first = llava_config.render(replace(STAGE, lora_rank=0), places, "cpu")
    second = llava_config.render(STAGE, replace(places, pretrained=Path("/iter_9.pth")), "cpu")
    assert "llm_lora" not in first and "pretrained_pth = None\n" in first
    assert "LoraConfig, r=16, lora_alpha=32" in second and "pretrained_pth = '/iter_9.pth'\n" in second


@pytest.mark.parametrize("iterations", [1, 3, 200])
def test_the_learning_rate_rises_over_at_least_one_step(iterations: int) -> None:
    assert 1 <= replace(STAGE, iterations=iterations).warmup_iterations <= iterations
