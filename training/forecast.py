"""How long a run will take, before it is started: training, exam, merge; and what memory.

Seconds a step come, in this order, from an earlier run here with the same model, method, batch and length; from a probe
(probe.py: a few real steps); or from the machine's speed in a matrix product, which is rough. Numbers that no run has
told yet are those of the starter model on two cores, scaled by the step.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

from training import dataset, exam, machine, memory, models, probe, runs, tokens
from training.errors import UserError
from training.memory import Memory
from training.questions import exam_questions
from training.recipe import Recipe
from training.runs import progress

SETUP, SAMPLES = 14.0, 1.5
"""Seconds until the first step, and for each sample answer (starter model, two cores)."""
ENDING = 30.0
"""Seconds for conversion, merge and its comparison."""
EXAM = 0.2
"""Seconds of a question, as a share of a step of 8 x 44 tokens."""
SAME = (
    "method",
    "precision",
    "batch_size",
    "accumulation",
    "max_length",
    "pack",
    "varlen_attention",
    "lora_layers",
    "lora_rank",
    "activation_checkpointing",
    "deepspeed",
    "processes",
    "nodes",
    "sequence_parallel",
)
"""Runs that agree in these, and in the model, take the same time for a step."""
ROUGH_SHARE = 1.0
"""Of the machine's speed in a large matrix product of fp32, what training reaches: 1.0 on two cores without AMX, 0.7
(short conversations) to 1.4 (pictures) with it (docs/recipe.md)."""


@dataclass(frozen=True)
class Forecast:
    """What a run would take, in seconds."""

    step_seconds: float | None
    """None when nothing is known."""
    source: str
    """run, probe, rough, or "" when nothing is known."""
    run: str
    """The run it is known from."""
    training: float | None
    exam: float | None
    """0 where there is no exam to sit."""
    merge: float | None
    memory: Memory | None
    free: int

    @property
    def total(self) -> float | None:
        """Until the model is there."""
        return None if self.training is None else self.training + (self.exam or 0) + (self.merge or 0)

    @property
    def fits(self) -> bool:
        return self.memory is None or self.memory.total <= self.free

    def told(self) -> dict[str, Any]:
        """For scripts."""
        seconds = {key: getattr(self, key) for key in ("training", "exam", "merge", "total")}
        rounded = {key: None if value is None else round(value, 1) for key, value in seconds.items()}
        step = None if self.step_seconds is None else round(self.step_seconds, 3)
        used = {**asdict(self.memory), "total": self.memory.total} if self.memory else None
        known = {"step_seconds": step, "source": self.source, "run": self.run}
        return {**known, **rounded, "memory": used, "free": self.free}


@dataclass(frozen=True)
class _Known:
    step_seconds: float
    source: str
    run: str = ""
    setup: float | None = None
    question: float | None = None
    """Seconds of an exam question."""
    ending: float | None = None


def of(dataset_name: str, model: str, recipe: Recipe) -> Forecast:
    """What a run would take. Raises UserError (dataset_missing, dataset_broken, model_missing)."""
    here, card = machine.look(), dataset.card(dataset_name)
    device = here.device
    measured = tokens.measure(dataset_name, model)
    longest = recipe.max_length if recipe.pack else min(recipe.max_length, measured.longest)
    shape = memory.shape(models.place(model))
    needs = memory.needed(shape, recipe, longest, device) if shape else None
    row = recipe.max_length if recipe.pack else min(recipe.max_length, measured.tokens / max(1, measured.rows))
    known = _from_run(model, recipe, device, card) or _from_probe(model, recipe, device, card)
    known = known or _rough(shape, recipe, row, device)
    free = memory.free(here, recipe)
    if known is None:
        return Forecast(None, "", "", None, None, None, needs, free)
    saves = math.ceil(recipe.steps / recipe.save_every)
    setup = SETUP + (saves + 1) * SAMPLES * len(recipe.evaluation_inputs) if known.setup is None else known.setup
    training = setup + recipe.steps * known.step_seconds
    usual = known.step_seconds * 8 * 44 / max(1, recipe.batch_size * recipe.accumulation * row)
    question = EXAM * usual if known.question is None else known.question
    sitting = _questions(card, saves) * question
    ending = ENDING if known.ending is None else known.ending
    return Forecast(known.step_seconds, known.source, known.run, training, sitting, ending, needs, free)


def _questions(card: Mapping[str, Any], saves: int) -> int:
    """How many questions an exam of so many checkpoints asks: half of them each, and all once."""
    who = exam.persona({"card": card})
    if who is None:
        return 0
    try:
        asked = exam_questions(who)
    except UserError:
        return 0
    return saves * len(exam.quick(asked)) + len(asked)


def _from_run(model: str, recipe: Recipe, device: str, card: Mapping[str, Any]) -> _Known | None:
    """What the newest run of the same kind took; its other phases only if it came to its end."""
    for run, spec in alike(model, recipe, device):
        if spec.get("eyes"):
            continue  # pictures take longer
        points = progress.points(runs.folder(run), recipe.accumulation)[1:]
        if len(points) < 3:
            continue
        usual = 5 * statistics.median(point.seconds for point in points)  # the others waited, for an exam or a host
        step = statistics.mean(point.seconds for point in points if point.seconds <= usual) * recipe.accumulation
        now = runs.look(run)
        if now.phase != "done" or now.resumes:
            return _Known(step * _longer(card, spec["card"]), "run", run)
        spent, theirs = now.seconds, spec["recipe"]
        questions = _questions(spec["card"], math.ceil(theirs["steps"] / theirs["save_every"]))
        alone = not theirs.get("auto_stop")  # otherwise its training waited for exams that were sat meanwhile
        return _Known(
            step_seconds=step * _longer(card, spec["card"]),
            source="run",
            run=run,
            setup=max(0.0, spent.get("training", 0.0) - step * now.step) if alone else None,
            question=spent.get("examining", 0.0) / questions if questions and alone else None,
            ending=spent.get("converting", 0.0) + spent.get("merging", 0.0),
        )
    return None


def alike(model: str, recipe: Recipe, device: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The earlier runs whose steps take the same time, the newest first, with their specs."""
    wanted = {key: getattr(recipe, key) for key in SAME}
    for run in runs.names():
        try:
            spec = runs.spec(run)
        except UserError:
            continue
        theirs = {key: spec["recipe"].get(key, getattr(Recipe, key)) for key in SAME}
        if (spec.get("model"), spec.get("device"), theirs) == (model, device, wanted):
            yield run, {**spec, "card": spec.get("card") or {}}


def _longer(card: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """How much longer the rows of one dataset are than those of another, by their characters."""
    lengths = [each.get("summary", {}) for each in (card, other)]
    if not all(each.get("rows") and each.get("characters") for each in lengths):
        return 1.0
    mine, theirs = (each["characters"] / each["rows"] for each in lengths)
    return min(4.0, max(0.25, mine / theirs))


def _from_probe(model: str, recipe: Recipe, device: str, card: Mapping[str, Any]) -> _Known | None:
    found = probe.known(probe.key(model, recipe, device))
    return _Known(found["step_seconds"] * _longer(card, found["card"]), "probe") if found else None


def _rough(shape: memory.Shape | None, recipe: Recipe, row: float, device: str) -> _Known | None:
    """By the count of operations: 6 for each weight and token, 4 where most weights are not trained (Kaplan 2020)."""
    if device != "cpu":
        return None
    weights = shape.parameters if shape else STARTER_PARAMETERS
    work = (6 if recipe.method == "full" else 4) * (4 / 3 if recipe.activation_checkpointing else 1)
    batch = recipe.batch_size * recipe.accumulation * row
    return _Known(work * weights * batch / reached(), "rough")


STARTER_PARAMETERS = 135_000_000


def reached() -> float:
    """Operations a second that training reaches here, roughly."""
    return speed() * ROUGH_SHARE


_looks: deque[float] = deque(maxlen=60)


def speed() -> float:
    """Operations a second of this machine in a matrix product of fp32.

    The best of a look a minute: beside a browser that draws the page, a look sees half.
    """
    _look(int(time.monotonic() / 60))
    return max(_looks)


@lru_cache(maxsize=1)
def _look(_minute: int) -> None:
    import numpy

    one = numpy.ones((1024, 1024), numpy.float32)
    best = math.inf
    for _ in range(8):
        began = time.perf_counter()
        one @ one
        best = min(best, time.perf_counter() - began)
    _looks.append(2 * 1024**3 / best)
