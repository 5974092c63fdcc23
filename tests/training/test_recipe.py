from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from training import recipe
from training.errors import UserError
from training.machine import Gpu, Machine
from training.recipe import Recipe
from training.tokens import Measured

CPU = Machine(2, 8)
AMPERE = Machine(8, 64, (Gpu("A10", 24, 8.6),))
TURING = Machine(8, 64, (Gpu("T4", 15, 7.5),))


def data(rows: int, length: int = 40) -> Measured:
    return Measured({length: rows} if rows else {}, 1.0, True)


@pytest.mark.parametrize("machine", [CPU, AMPERE, TURING])
@pytest.mark.parametrize("rows", [0, 1, 12, 500, 250_000])
def test_a_suggested_recipe_is_valid_for_any_size_of_data(machine: Machine, rows: int) -> None:
    suggested = recipe.suggest(machine, data(rows))
    assert suggested.problems() == []
    assert 0 <= suggested.warmup_iterations < suggested.iterations
    assert 1 <= suggested.save_every <= suggested.steps


def test_on_a_cpu_the_builders_default_data_is_seen_twice_with_two_checkpoints() -> None:
    plan = recipe.suggest(CPU, data(1176))
    assert plan.steps == 2 * plan.save_every == 294
    assert recipe.suggest(CPU, data(1176), most=120).steps == 120
    assert recipe.suggest(CPU, data(250_000)).steps <= recipe.MOST_ON_CPU + 2


@pytest.mark.parametrize("machine", [CPU, AMPERE])
def test_how_long_rows_are_does_not_change_how_often_they_are_seen_unless_they_are_packed(machine: Machine) -> None:
    short, long = (recipe.suggest(machine, data(800, length)).steps for length in (25, 500))
    assert short == long
    assert recipe.suggest(machine, data(800, 25), pack=True).steps < short


def test_the_device_decides_method_and_precision() -> None:
    assert [recipe.suggest(CPU, data(20)).method, recipe.suggest(CPU, data(20)).precision] == ["lora", "fp32"]
    assert [recipe.suggest(AMPERE, data(20)).method, recipe.suggest(AMPERE, data(20)).precision] == ["qlora", "bf16"]
    assert recipe.suggest(TURING, data(20)).precision == "fp16"


def test_deepspeed_has_one_learning_rate_and_varlen_attention_one_sequence_at_a_time() -> None:
    plan = recipe.suggest(CPU, data(800), deepspeed="zero2", processes=2)
    assert (plan.lora_plus_ratio, plan.learning_rate, plan.problems()) == (1, 2e-3, [])
    (problem,) = replace(plan, lora_plus_ratio=10).problems()
    assert "LoRA+" in problem.sentence("en") and problem.code == "recipe_lora_plus_deepspeed"
    packed = recipe.suggest(AMPERE, data(800), pack=True, varlen_attention=True)
    assert packed.batch_size == 1 and packed.problems() == []
    assert packed.rows_a_step == recipe.suggest(AMPERE, data(800), pack=True).rows_a_step


def test_all_problems_are_told_at_once_in_both_languages() -> None:
    wrong = replace(Recipe(), steps=0, learning_rate=-1.0, method="magic", lora_dropout=1.0, prompt_template="a b")
    problems = wrong.problems()
    assert len(problems) == 5
    for problem in problems:
        assert problem.sentence("zh") != problem.sentence("en")


def test_not_a_number_is_a_problem() -> None:
    assert replace(Recipe(), learning_rate=float("nan")).problems()
    assert replace(Recipe(), weight_decay=float("nan")).problems()


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_a_handful_of_steps_has_a_schedule_that_begins_before_it_ends(steps: int) -> None:
    few = replace(Recipe(), steps=steps, warmup_ratio=0.9)
    assert 0 <= few.warmup_iterations < few.iterations


def test_a_stored_recipe_comes_back_and_a_typo_in_it_is_told() -> None:
    assert recipe.from_dict({**asdict(Recipe()), "evaluation_inputs": ["你是谁"]}).evaluation_inputs == ("你是谁",)
    with pytest.raises(UserError) as caught:
        recipe.from_dict({"learning_rat": 1})
    assert "learning_rat" in caught.value.sentence("zh")


def test_a_suggestion_never_fills_the_disk_with_checkpoints() -> None:
    plan = recipe.suggest(AMPERE, data(250_000))
    assert plan.steps > 10_000 and plan.steps / plan.save_every <= recipe.MOST_CHECKPOINTS
