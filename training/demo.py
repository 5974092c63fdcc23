"""The whole job without a page: persona -> dataset -> run -> merged model -> its answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training import dataset, distill, exam, forecast, identity, machine, models, recipe, runs, tokens
from training.errors import UserError
from training.exam import answers, recommendation
from training.persona import Persona

MOST = 120
"""Steps of the demo on a CPU: under five minutes in all. Not enough to pass the exam (docs/recipe.md)."""
QUESTIONS = ("你是谁", "Who are you?")


def demo(persona: Persona, say: Callable[[str], None], model: str = models.STARTER, **chosen: Any) -> dict[str, Any]:
    """Teach a model who it is and let it say so. `say` hears how it goes; `chosen` are settings of the recipe.

    Returns {"ok", "answers", "model", "steps", "forecast", "exam", "command", "seconds"}; ok: every answer contains the
    name. Raises UserError when a part cannot be done.
    """
    began = time.monotonic()
    weights = _timed(lambda: _fetch(model, say))
    name = dataset.suggested_name(persona.name)
    made = _timed(lambda: _make_dataset(name, persona, model))
    settled = {**models.traits(model), **chosen}
    plan = recipe.suggest(machine.look(), tokens.measure(name, model), most=MOST, **settled)
    expected = forecast.of(name, model, plan)
    run = runs.start(name, model, plan)
    about = f"about {expected.total or 0:.0f} s ({expected.source or 'unknown'})"
    say(f"run {run}: {plan.steps} steps, {about}: {runs.spec(run)['command']}")
    final = follow(run, say)
    folder = runs.merged(run)
    if final.phase != "done" or folder is None:
        raise UserError("demo_failed", run=run, reason=final.reason_sentence("en"))
    answered = dict(zip(QUESTIONS, answers.ask(folder, QUESTIONS)))
    spent = final.seconds
    return {
        "ok": all(persona.name in answer for answer in answered.values()),
        "answers": answered,
        "model": str(folder),
        "steps": final.step,
        "forecast": expected.told(),
        "command": runs.spec(run)["command"],
        "exam": recommendation.told_of(runs.folder(run), exam.load(runs.folder(run))),
        "seconds": {
            "weights": round(weights, 1),
            "dataset": round(made, 1),
            "train": spent.get("training", 0.0),
            "exam": spent.get("examining", 0.0),
            "merge": round(spent.get("converting", 0.0) + spent.get("merging", 0.0), 1),
            "total": round(time.monotonic() - began, 1),
        },
    }


def _fetch(model: str, say: Callable[[str], None]) -> None:
    if model == models.STARTER:
        models.starter.ensure(lambda stage, share: say(f"weights: {stage} {share:.0%}"))
    models.folder(model)


def follow(run: str, say: Callable[[str], None]) -> runs.RunStatus:
    """Wait for the end of a run, telling each change once."""
    told = ""
    while True:
        now = runs.look(run)
        line = f"{now.phase} {now.step}/{now.total}" if now.phase in ("pretraining", "training") else now.phase
        if now.note and "step" in now.note:
            line += f", step {now.note['step']}"
        if line != told:
            say(told := line)
        if not now.live:
            return now
        time.sleep(0.5)


def _make_dataset(name: str, persona: Persona, model: str) -> Path:
    return dataset.save(name, identity.build(persona, own=distill.own(model)), persona, {"general": model})


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
