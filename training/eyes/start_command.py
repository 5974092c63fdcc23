"""What `python -m training start` does where the dataset is of pictures; command_line.py has the parser."""

from __future__ import annotations

import argparse
from typing import Any

from training import machine, runs
from training.errors import UserError
from training.eyes import eyes_forecast, eyes_recipe, picture_sets


def start(options: argparse.Namespace, chosen: dict[str, Any]) -> dict[str, Any]:
    """A run with pictures is started; `chosen` are settings of either stage. Raises UserError."""
    if options.config:
        raise UserError("eyes_own_config")
    own = {"encoder": options.encoder, "pretrain_steps": options.first_steps, "pretrained": options.projector}
    given = {**chosen, **{field: value for field, value in own.items() if value is not None}}
    if options.steps:
        given |= {"steps": options.steps, "save_every": -(-options.steps // 2)}
    made = picture_sets.load(options.dataset)
    plan, eyes = eyes_recipe.suggest(machine.look(), len(made.captions), len(made.talks), **given)
    eyes_recipe.checked(plan, eyes, len(made.captions))
    expected = eyes_forecast.of(options.dataset, options.model, plan, eyes).told()
    run = runs.start(options.dataset, options.model, plan, options.name, options.queue, eyes=eyes)
    return {"run": run, "command": runs.spec(run)["command"], "forecast": expected}
