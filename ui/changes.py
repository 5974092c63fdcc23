"""What differs from the suggestion, in words. Knows no components; what was typed is escaped here."""

from __future__ import annotations

from html import escape
from typing import Any

from training import presets
from training.recipe import Recipe
from training.sentences import sentence
from ui.run_actions import value_said

LONGEST = 60
"""Letters of a value that are shown: a prompt may be long."""


def changes_html(recipe: Recipe, usual: Recipe, language: str) -> str:
    """The settings in which `recipe` differs from `usual`, each with both values; "" when none does."""
    found = presets.changes(recipe, usual)
    if not found:
        return ""
    items = "".join(f"<li>{escape(_said(field, *values, language))}</li>" for field, values in found.items())
    return f'<div class="changes"><p>{escape(sentence("presets.differs", language))}</p><ul>{items}</ul></div>'


def _said(field: str, value: Any, usual: Any, language: str) -> str:
    return sentence(
        "presets.change",
        language,
        field=sentence(f"train.{field}", language),
        value=_value_said(field, value, language),
        usual=_value_said(field, usual, language),
    )


def _value_said(field: str, value: Any, language: str) -> str:
    text = " ".join(value_said(field, value, language).split()) or sentence("presets.empty", language)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
