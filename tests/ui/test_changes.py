"""What differs from the suggestion, in words."""

from __future__ import annotations

from dataclasses import fields, replace

from training.recipe import Recipe
from ui.changes import changes_html

USUAL = Recipe(learning_rate=1e-3)


def test_nothing_is_said_where_nothing_differs() -> None:
    assert changes_html(USUAL, replace(USUAL), "en") == ""


def test_a_setting_is_called_as_on_the_form_with_both_values() -> None:
    mine = replace(USUAL, learning_rate=2e-4, pack=True, deepspeed="zero2")
    said = changes_html(mine, USUAL, "en")
    assert "Learning rate: 0.0002 instead of 0.001" in said
    assert "Pack conversations: yes instead of no" in said and "DeepSpeed: ZeRO-2 instead of Off" in said
    assert "学习率：0.0002（建议值：0.001）" in changes_html(mine, USUAL, "zh")


def test_every_setting_has_its_words() -> None:
    chosen = {"method": "qlora", "deepspeed": "zero2", "lora_layers": "attention"}
    lists = {"gpus": ("x",), "evaluation_inputs": ("x",)}
    for field in fields(Recipe):
        changed = replace(USUAL, **{field.name: {**chosen, **lists}.get(field.name, 7)})
        assert changes_html(changed, USUAL, "zh").count("<li>") == 1


def test_what_was_typed_is_shown_as_it_is_and_not_at_any_length() -> None:
    said = changes_html(replace(USUAL, system="<script>" + "very " * 1000), USUAL, "en")
    assert "<script>" not in said and "instead of empty" in said and len(said) < 300
