"""How long a run with pictures will take, before it is started, and what memory: as forecast.py, for both stages.

Known from an earlier run of the same kind here; otherwise by the count of operations, which is rough: a picture is as
many tokens for the language model as the encoder gives patches.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from training import exam, forecast, machine, memory, models, runs, tokens
from training.eyes import encoders, examination, eyes_recipe, picture_sets
from training.eyes.eyes_recipe import EyesRecipe
from training.eyes.llava import Talk
from training.eyes.picture_sets import PictureSet
from training.forecast import Forecast
from training.identity import Row
from training.memory import Memory, Shape
from training.recipe import Recipe
from training.runs import progress

SETUP = 28.0
"""Seconds until a stage's first step, first sight and sample answers included (starter models, two cores)."""
ENDING = 60.0
"""Seconds for the conversion and for both merged models."""
QUESTION = 0.35
"""Seconds of an exam question (starter models, two cores)."""


@dataclass(frozen=True)
class _Known:
    source: str
    run: str
    first: float
    """Seconds of a step of the first stage, ..."""
    second: float
    """... and of the second one."""
    setup: float = SETUP
    question: float = QUESTION
    ending: float = ENDING


@dataclass(frozen=True)
class Measured:
    """A picture set in tokens."""

    talks: float
    """Tokens of an average conversation, ..."""
    longest: int
    """... of the longest one, ..."""
    captions: float
    """... and of an average caption; without the pictures."""


def of(name: str, model: str, recipe: Recipe, eyes: EyesRecipe) -> Forecast:
    """What a run would take. Raises UserError (picture_set_missing, picture_set_broken, model_missing)."""
    here, made, sizes = machine.look(), picture_sets.load(name), encoders.known_shape(eyes.encoder)
    device = here.device
    shape, patches = memory.shape(models.place(model)), sizes["patches"] if sizes else 0
    measured = measure(name, model)
    longest = min(recipe.max_length, measured.longest) + patches
    needs = _memory(shape, recipe, eyes, sizes, longest, device) if shape else None
    free, questions = memory.free(here, recipe), _questions(made, math.ceil(recipe.steps / recipe.save_every))
    known = _from_run(model, recipe, eyes, device)
    if known is None and device == "cpu":
        captions = eyes.pretrain_batch_size * (measured.captions + patches)
        talks = recipe.batch_size * recipe.accumulation * (min(recipe.max_length, measured.talks) + patches)
        known = _Known("rough", "", *(_rough(shape, sizes, rows) for rows in (captions, talks)))
    if known is None:
        return Forecast(None, "", "", None, None, None, needs, free)
    stages = 2 if eyes.pretrain_steps else 1
    training = stages * known.setup + eyes.pretrain_steps * known.first + recipe.steps * known.second
    exam_seconds = questions * known.question
    return Forecast(known.second, known.source, known.run, training, exam_seconds, known.ending, needs, free)


def measure(name: str, model: str) -> Measured:
    """How long the rows of picture set `name` are for `model`."""
    file = picture_sets.path(name) / picture_sets.TALKS
    return _measure(name, file.stat().st_mtime_ns, model, models.place(model).is_dir())


@lru_cache(maxsize=16)
def _measure(name: str, _changed: int, model: str, _here: bool) -> Measured:
    made = picture_sets.load(name)
    talks, captions = (
        tokens.measure_rows(_rows(each), model) if each else None for each in (made.talks, made.captions)
    )
    return Measured(
        talks.tokens / talks.rows if talks else 0.0,
        talks.longest if talks else 0,
        captions.tokens / captions.rows if captions else 0.0,
    )


def _rows(talks: Sequence[Talk]) -> list[Row]:
    roles = ("user", "assistant")
    said = [[{"role": roles[at % 2], "content": text} for at, text in enumerate(talk.turns)] for talk in talks]
    return [Row(tuple(messages), "general", "en") for messages in said]


def _memory(
    shape: Shape, recipe: Recipe, eyes: EyesRecipe, sizes: Mapping[str, int] | None, longest: int, device: str
) -> Memory:
    """The second stage's, which takes more: what the language model takes, and the encoder."""
    needs = memory.needed(shape, recipe, longest, device)
    if sizes is None:
        return needs
    tokens_at_once, wide = recipe.batch_size * sizes["patches"], 2 if recipe.precision == "fp32" else 1
    scores = 5 * sizes["heads"] * sizes["patches"] / sizes["width"]
    layer = wide * tokens_at_once * sizes["width"] * (34 + scores)
    kept = sizes["layers"] if eyes.encoder_lora_rank else 1  # what is not trained is forgotten layer by layer
    seen = round(memory.SPARE * layer * kept)
    return replace(needs, weights=needs.weights + 4 * sizes["parameters"], activations=needs.activations + seen)


def _rough(shape: Shape | None, sizes: Mapping[str, int] | None, rows: float) -> float:
    """Seconds of a step: 4 operations for each weight and token, and 2 in the encoder, which only looks."""
    work = 4 * rows * (shape.parameters if shape else forecast.STARTER_PARAMETERS)
    work += 2 * rows * (sizes["parameters"] if sizes else 0)
    return work / forecast.reached()


def _questions(made: PictureSet, saves: int) -> int:
    """Of the base, all; of each checkpoint, half; and the rest of the one that is recommended."""
    sheets = examination.paper(made)
    half = len(exam.quick(sheets))
    return len(sheets) + saves * half + (len(sheets) - half)


def _from_run(model: str, recipe: Recipe, eyes: EyesRecipe, device: str) -> _Known | None:
    """What the newest run of the same kind took; its other phases only if it came to its end at once."""
    for run, spec in forecast.alike(model, recipe, device):
        theirs = eyes_recipe.from_dict(spec["eyes"]) if spec.get("eyes") else None
        same = ("encoder", "pretrain_batch_size", "encoder_lora_rank")
        if theirs is None or any(getattr(theirs, field) != getattr(eyes, field) for field in same):
            continue
        now, folder = runs.look(run), runs.folder(run)
        one, two = progress.first_points(folder), progress.points(folder, recipe.accumulation)
        if len(two) < 3 or (eyes.pretrain_steps and len(one) < 3):
            continue
        first = statistics.median(point.seconds for point in one[1:]) if one else 0.0
        second = statistics.median(point.seconds for point in two[1:]) * recipe.accumulation
        if now.phase != "done" or now.resumes:
            return _Known("run", run, first, second)
        spent, asked = now.seconds, sum(len(report.answers) for report in exam.load(folder))
        trained = sum(spent.get(phase, 0.0) for phase in ("preparing", "pretraining", "training"))
        setup = max(0.0, trained - first * now.first_total - second * now.step) / (2 if one else 1)
        question = spent.get("examining", 0.0) / asked if asked else QUESTION
        ending = spent.get("converting", 0.0) + spent.get("merging", 0.0)
        return _Known("run", run, first, second, setup, question, ending)
    return None
