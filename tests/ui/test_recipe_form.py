"""The Recipe as a form and back."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import gradio as gr
import pytest

from tests.training.conftest import tiny as tiny
from tests.training.conftest import who as who
from training import models, xtuner, xtuner_config
from training.errors import UserError
from training.models.chat_template import LLAMA3
from training.recipe import METHODS, Recipe
from ui.plan import suggestion
from ui.recipe_form import GROUPS, form_fields, problems, recipe_form, recipe_of, refilled, values
from ui.text import Text


def test_every_setting_of_a_recipe_is_on_the_form_once() -> None:
    assert sorted(form_fields()) == sorted(field.name for field in fields(Recipe))


def test_the_form_gives_back_the_recipe_it_shows() -> None:
    recipe = Recipe(steps=7, evaluation_inputs=("Who are you?", "你是谁"), system="Be kind.", pack=False)
    assert recipe_of(values(recipe), "en") == recipe


def test_what_is_suggested_asks_as_the_models_own_template_does(tiny: str, who: str) -> None:
    folder = models.place(tiny)
    told = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**told, "chat_template": LLAMA3.template}))
    assert suggestion(tiny, who).prompt_template == "llama3_chat"
    assert suggestion(tiny, who, prompt_template="vicuna").prompt_template == "vicuna"


def test_the_form_can_be_built_in_any_page() -> None:
    with gr.Blocks():
        form = recipe_form(Text())
    assert list(form) == form_fields()
    assert [component.value for component in form.values()] == values(Recipe())


def test_the_key_beside_a_setting_is_in_the_config_or_in_the_command() -> None:
    recipes = [Recipe(method=method, precision="bf16", lora_plus_ratio=2.0) for method in METHODS]
    texts = [xtuner_config.render(recipe, Path("m"), Path("d.json"), "cuda") for recipe in recipes]
    spread = Recipe(deepspeed="zero2", processes=2, gpus=(0, 1), nodes=2)
    texts.append(xtuner.plain_train(Path("config.py"), Path("work"), spread))
    named = [key for members in GROUPS.values() for _, keys, _ in members.values() for key in keys.split(", ")]
    missing = [key for key in named if not any(key.rpartition(".")[2] in text for text in texts)]
    assert missing == []


def test_an_emptied_field_is_named_in_the_visitors_language() -> None:
    entered = values(Recipe())
    entered[form_fields().index("lora_rank")] = None
    with pytest.raises(UserError) as caught:
        recipe_of(entered, "zh")
    assert "LoRA 秩" in caught.value.sentence("zh")


def test_problems_call_the_settings_as_the_form_does() -> None:
    said = [problem.sentence("zh") for problem in problems(Recipe(steps=0, lora_dropout=2), "zh")]
    assert len(said) == 2 and any("步数" in text for text in said) and not any("lora_dropout" in text for text in said)


def test_a_new_suggestion_leaves_alone_what_the_visitor_changed() -> None:
    before, new = values(Recipe(steps=10)), values(Recipe(steps=99, save_every=33))
    entered = values(replace(Recipe(steps=10), learning_rate=0.5))
    merged = recipe_of(refilled(entered, before, new), "en")
    assert (merged.learning_rate, merged.steps, merged.save_every) == (0.5, 99, 33)
