"""What Start would do: the settings that suit machine, model and data, and the whole in one sentence."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from training import machine, models, tokens
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
    """The recipe that suits this machine, model and dataset, and the settings that are chosen already."""
    return suggest(this_machine(), tokens.count(data, model), **models.parameters(model), **chosen)


@lru_cache(maxsize=1)
def this_machine() -> Machine:
    """Asked once: the driver may take its time, and a machine does not change while the page is up."""
    return machine.look()
