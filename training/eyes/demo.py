"""The whole job with pictures, without a page: drawn set -> run (both stages, exam, merge) -> how well it sees."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from training import dataset, demo, exam, machine, models, runs
from training.errors import UserError
from training.exam import recommendation
from training.eyes import example, eyes_recipe, picture_sets, run_data
from training.eyes.example import Amounts
from training.models import starter_eyes
from training.persona import Persona

Say = Callable[[str], None]


def demonstrate(
    persona: Persona, say: Say, amounts: Amounts = example.PLAIN, seed: int = 0, **chosen: Any
) -> dict[str, Any]:
    """Teach the starter model to see and who it is, and let it sit the exam. `say` hears how it goes; `chosen` are
    settings of the recipe, of either stage.

    Returns {"ok", "run", "model", "before", "steps", "exam", "command", "seconds"}; ok: the exam was passed.
    Raises UserError when a part cannot be done.
    """
    began = time.monotonic()
    models.starter.ensure(lambda stage, share: say(f"weights: {stage} {share:.0%}"))
    starter_eyes.ensure(lambda stage, share: say(f"eyes: {stage} {share:.0%}"))
    fetched = time.monotonic()
    name = picture_set_name(persona)
    example.save(name, persona, seed, amounts)
    made, drawn = picture_sets.load(name), time.monotonic()
    plan, eyes = eyes_recipe.suggest(machine.look(), len(made.captions), len(made.talks), **{"seed": seed, **chosen})
    run = runs.start(name, models.STARTER, plan, eyes=eyes)
    say(f"run {run}: {eyes.pretrain_steps} + {plan.steps} steps:\n{runs.spec(run)['command']}")
    final = demo.follow(run, say)
    folder, model = runs.folder(run), runs.merged(run)
    if final.phase != "done" or model is None:
        raise UserError("demo_failed", run=run, reason=final.reason_sentence("en"))
    chosen_one = recommendation.load(folder)
    return {
        "ok": chosen_one is not None and chosen_one.passed,
        "run": run,
        "model": str(model),
        "before": str(folder / run_data.BEFORE),
        "steps": [eyes.pretrain_steps, final.step],
        "exam": recommendation.told_of(folder, exam.load(folder)),
        "command": runs.spec(run)["command"],
        "seconds": {
            "weights": round(fetched - began, 1),
            "dataset": round(drawn - fetched, 1),
            **final.seconds,
            "total": round(time.monotonic() - began, 1),
        },
    }


def picture_set_name(persona: Persona) -> str:
    """What the example set of a persona is called; a dataset of text is never replaced by it."""
    name = f"{dataset.suggested_name(persona.name)}-eyes"
    return name if name not in dataset.names() else dataset.free_name(name)
