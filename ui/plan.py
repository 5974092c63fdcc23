"""What Start would do: the settings that suit machine, model and data, and the whole in one sentence."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from training import machine, models, tokens
from training.eyes import eyes_recipe, picture_sets
from training.eyes.eyes_recipe import EyesRecipe
from training.machine import Machine
from training.recipe import Recipe, suggest
from training.sentences import sentence
from ui.edge import plain

STARTER_DOWNLOAD_MB = 93


def plan(recipe: Recipe, here: Machine, model: str, language: str) -> str:
    """What Start will do, in one sentence; and what it will fetch first."""
    device = here.gpus[0].name if here.gpus else sentence("train.cpu", language, cores=here.cores)
    said = sentence(
        "train.plan",
        language,
        method=sentence(f"train.method_{recipe.method}", language),
        steps=recipe.steps,
        rate=f"{recipe.learning_rate:g}",
        device=plain(device),
    )
    if model == models.STARTER and not models.starter.ready():
        said += " " + sentence("train.plan_download", language, size=STARTER_DOWNLOAD_MB)
    return said


def suggestion(model: str, data: str, **chosen: Any) -> Recipe:
    """The recipe that suits this machine, model and dataset, and the settings that are chosen already.

    For a picture set that of the second stage.
    """
    if data in picture_sets.names():
        return eyes_suggestion(data, **chosen)[0]
    return suggest(this_machine(), tokens.measure(data, model), **{**models.traits(model), **chosen})


def eyes_suggestion(data: str, **chosen: Any) -> tuple[Recipe, EyesRecipe]:
    """What suits this machine and a picture set: the second stage's recipe, and the rest."""
    made = picture_sets.load(data)
    return eyes_recipe.suggest(this_machine(), len(made.captions), len(made.talks), **chosen)


@lru_cache(maxsize=1)
def this_machine() -> Machine:
    """Asked once: the driver may take its time, and a machine does not change while the page is up."""
    return machine.look()
