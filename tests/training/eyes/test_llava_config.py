from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from training.eyes import example, eyes_recipe, llava_config
from training.eyes.eyes_recipe import FINETUNE, PRETRAIN
from training.eyes.llava_config import Places
from training.machine import Gpu, Machine
from training.persona import Persona

NASTY = "x'); __import__('os').system('touch /tmp/owned') #\"\"\"\n{name}\\"
CALLS = {"__import__", "__import__('sys').path.append", "dict", "getattr"}


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("first", [True, False])
def test_user_text_goes_in_as_a_value_never_as_code(first: bool, device: str) -> None:
    place = Path("/m") / NASTY
    recipe = replace(FINETUNE, evaluation_inputs=(NASTY,), system=NASTY, prompt_template=NASTY, method="qlora")
    eyes = replace(PRETRAIN, encoder_lora_rank=4)
    text = llava_config.render(recipe, eyes, Places(*[place] * 5), device, first)
    calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    assert {ast.unparse(call.func) for call in calls} == CALLS
    imports = [ast.unparse(call) for call in calls if ast.unparse(call.func) == "__import__"]
    assert sorted(imports) == ["__import__('sys')", "__import__('training.xtuner_repairs')"]


def test_the_first_stage_has_no_lora_and_the_second_begins_where_the_first_ended() -> None:
    places = Places(Path("/m"), Path("/v"), Path("/d"))
    first = llava_config.render(eyes_recipe.first_stage(FINETUNE, PRETRAIN), PRETRAIN, places, "cpu", True)
    second = llava_config.render(FINETUNE, PRETRAIN, replace(places, pretrained=Path("/iter_9.pth")), "cpu")
    assert "llm_lora" not in first and "pretrained_pth = None\n" in first and "lr = 0.002\n" in first
    assert "'/d/captions.json'" in first and "'/d/llava.json'" in second
    assert "LoraConfig, r=16, lora_alpha=32" in second and "pretrained_pth = '/iter_9.pth'\n" in second
    assert "visual_encoder_lora" not in second and "SampleAnswersHook," not in first.partition("custom_hooks")[2]


def test_lora_in_the_encoder_and_four_bits_are_what_xtuner_calls_them() -> None:
    recipe, eyes = replace(FINETUNE, method="qlora", precision="bf16"), replace(PRETRAIN, encoder_lora_rank=8)
    text = llava_config.render(recipe, eyes, Places(Path("/m"), Path("/v"), Path("/d")), "cuda")
    assert "visual_encoder_lora=dict(\n        type=LoraConfig, r=8, lora_alpha=16" in text
    assert "load_in_4bit=True" in text and "bnb_4bit_compute_dtype=torch.bfloat16" in text
    assert "type=AmpOptimWrapper" in text and "dtype='bfloat16'" in text


CPU, GPU = Machine(2, 8.0), Machine(8, 64.0, (Gpu("A100", 80.0, 8.0),))


def test_the_example_set_is_trained_with_our_own_numbers() -> None:
    made = example.build(Persona("小明", "张三"))
    assert eyes_recipe.suggest(CPU, len(made.captions), len(made.talks)) == (FINETUNE, PRETRAIN)


def test_few_pictures_are_looked_at_again_and_without_captions_there_is_no_first_stage() -> None:
    recipe, eyes = eyes_recipe.suggest(CPU, 0, 12)
    assert (eyes.pretrain_steps, recipe.steps, recipe.save_every) == (0, 40, 40)
    _, given = eyes_recipe.suggest(CPU, 400, 1200, pretrained="/x.pth")
    assert given.pretrain_steps == 0
    chosen, _ = eyes_recipe.suggest(CPU, 400, 1200, steps=8, seed=3)
    assert (chosen.steps, chosen.save_every, chosen.seed) == (8, 8, 3)
    assert eyes_recipe.suggest(CPU, 400, 1200, steps=8, save_every=4)[0].save_every == 4


def test_what_is_suggested_has_no_problem_on_any_machine() -> None:
    for machine in (CPU, GPU, Machine(8, 64.0, (Gpu("V100", 16.0, 7.0),))):
        recipe, eyes = eyes_recipe.suggest(machine, 400, 1200)
        assert [*recipe.problems(), *eyes_recipe.problems(recipe, eyes, 400)] == []
