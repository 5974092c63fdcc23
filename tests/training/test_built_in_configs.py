from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from training import built_in_configs
from training.built_in_configs import Fit
from training.config_check import Facts
from training.errors import UserError
from training.recipe import Recipe

COURSE = "internlm2_chat_1_8b_qlora_alpaca_e3"
NASTY = Path("""/home/o'hara "x"/{小明}/data.json""")
FIT = Fit(Recipe(steps=300, save_every=50, batch_size=8, max_length=128), Path("/m"), NASTY, 1200, "cpu")


def test_configs_are_found_by_all_the_words_in_any_order() -> None:
    assert COURSE in built_in_configs.names("QLoRA internlm2 1_8b")
    assert built_in_configs.names("no such thing") == []
    assert len(built_in_configs.names()) > 500


@pytest.mark.parametrize("name", ["", "..", "../__init__", "/etc/passwd", "nobody"])
def test_a_config_that_there_is_not_is_said(name: str) -> None:
    with pytest.raises(UserError) as caught:
        built_in_configs.read(name)
    assert caught.value.code == "config_unknown"


def test_the_courses_config_changes_where_the_courses_diff_does_and_nowhere_else() -> None:
    text = built_in_configs.fitted(built_in_configs.read(COURSE), FIT)
    changed = [line for line in built_in_configs.changes(COURSE, text).splitlines() if line.startswith("-")][1:]
    assert [line[1:].split("=")[0].strip() for line in changed] == [
        "from xtuner.dataset.map_fns import alpaca_map_fn, template_map_fn_factory",
        *("pretrained_model_name_or_path", "alpaca_en_path", "prompt_template", "max_length", "max_epochs"),
        *("save_steps", "save_total_limit", "evaluation_freq", "SYSTEM", "evaluation_inputs"),
        *("trust_remote_code", "trust_remote_code", "dataset", "dataset_map_fn"),
    ]
    values = {
        node.targets[0].id: node.value.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    assert values["alpaca_en_path"] == str(NASTY)
    assert (values["max_epochs"], values["save_steps"]) == (2, 50 * 16)  # it counts batches, of which 16 make a step
    assert values["lr"] == 2e-4 and values["accumulative_counts"] == 16


def test_every_built_in_config_for_talk_can_be_fitted() -> None:
    fitted = 0
    for name in built_in_configs.names():
        raw = built_in_configs.read(name)
        text = built_in_configs.fitted(raw, FIT)
        assert "trust_remote_code=True" not in text, name
        if built_in_configs.kind(raw) == built_in_configs.STARTABLE:
            assert "'/m'" in text and repr(str(NASTY)) in text and "dataset_map_fn=openai_map_fn" in text, name
            assert "custom_hooks.append(dict(type=StopAndKeepHook))" in text, name
            fitted += 1
        ast.parse(text)
    assert fitted > 400


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (COURSE, "talk"),
        ("internlm2_chat_1_8b_dpo_full", "dpo"),
        ("internlm2_chat_1_8b_reward_full_ultrafeedback", "reward"),
        ("internlm2_chat_1_8b_orpo_full", "orpo"),
        ("internlm2_1_8b_full_custom_pretrain_e1", "text"),
        ("llava_internlm2_chat_1_8b_qlora_clip_vit_large_p14_336_lora_e1_gpu8_finetune", "eyes"),
    ],
)
def test_what_a_config_trains_is_told(name: str, kind: str) -> None:
    assert built_in_configs.kind(built_in_configs.read(name)) == kind


def test_what_is_no_python_is_told_with_its_line() -> None:
    with pytest.raises(UserError) as caught:
        built_in_configs.kind("lr = 1\nmodel = dict(\n")
    assert caught.value.code == "config_broken" and caught.value.details["line"] == 2
    assert "<unknown>" not in str(caught.value)


def test_gpus_keep_the_configs_own_precision() -> None:
    text = built_in_configs.fitted(built_in_configs.read(COURSE), replace(FIT, device="cuda"))
    assert "OptimWrapper" in text and "What a CPU needs" not in text and "StopAndKeepHook" in text


FACTS = Facts("qlora", 2e-4, 64, 16, 0.1, 1, 16, 128, True, 400, 400, 160, 2, [("Who are you?", False), ("Ming", True)])


def test_the_facts_of_a_config_become_the_recipe_of_its_run() -> None:
    made = FACTS.recipe(Recipe(processes=2, lora_plus_ratio=10, auto_stop=True))
    assert (made.method, made.steps, made.save_every, made.accumulation) == ("qlora", 25, 10, 16)
    assert (made.processes, made.lora_plus_ratio, made.auto_stop) == (2, 1, False)
    assert replace(FACTS, epochs=1.0).recipe(Recipe(processes=2)).steps == 13  # which share the rows of a pass
    assert replace(FACTS, iterations=401).recipe(Recipe()).steps == 26  # a last step of one batch


def test_fewer_batches_than_a_step_needs_are_told_before_the_start() -> None:
    with pytest.raises(UserError) as caught:
        replace(FACTS, iterations=12).recipe(Recipe())
    assert caught.value.code == "config_no_step" and "max_epochs" in caught.value.sentence("en")
