"""The whole job with pictures, without a page: drawn set, first sight, projector, projector and LoRA, one folder, exam.

Works in HOME/eyes/<id>/: data/, first_sight.pth, pretrain/ and finetune/ (config.py, run.log, work/), merged/,
exam.json. A folder explains itself: with config.py a user can repeat each stage by plain `xtuner train`.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from training import machine, models, process, xtuner
from training.errors import UserError
from training.eyes import examination, example, llava_config
from training.eyes.example import Amounts, Example
from training.eyes.llava_config import Places, Stage
from training.files import read_json, replace_folder, write_json, write_text, writing_failed
from training.home import ROOT, eyes_dir
from training.models import starter_eyes
from training.persona import Persona
from training.recipe import Recipe
from training.runs import progress, run_log
from training.runs.failure import last_meaningful_line

Say = Callable[[str], None]
TICK = 1.0


PRETRAIN = Stage("captions.json", 100, 2e-3)
FINETUNE = Stage("llava.json", 150, 4e-4, lora_rank=16, lora_plus_ratio=10.0, projector_ratio=2.5)
"""How long and how fast the two stages learn; docs/eyes.md has the experiments."""


def demo(
    persona: Persona,
    say: Say,
    pretrain: Stage = PRETRAIN,
    finetune: Stage = FINETUNE,
    amounts: Amounts = example.PLAIN,
    seed: int = 0,
) -> dict[str, Any]:
    """Teach the starter model to see and who it is, and let it sit the exam. `say` hears how it goes.

    Returns {"ok", "model", "exam": rates, "languages", "counts", "seconds"}; ok: the exam reaches what is aimed at.
    Raises UserError when a part cannot be done.
    """
    clock = _Clock()
    models.starter.ensure(lambda stage, share: say(f"weights: {stage} {share:.0%}"))
    starter_eyes.ensure(lambda stage, share: say(f"eyes: {stage} {share:.0%}"))
    clock.lap("weights")
    folder = _made(eyes_dir())
    made = example.build(persona, seed, amounts)
    example.write(made, folder / "data")
    clock.lap("dataset")
    places = Places(models.folder(models.STARTER), starter_eyes.target(), folder / "data")
    places = replace(places, pretrained=_first_sight(folder, pretrain, places))
    clock.lap("first_sight")
    first = _train(folder / "pretrain", pretrain, places, say)
    clock.lap("pretrain")
    places = replace(places, pretrained=first)
    second = _train(folder / "finetune", finetune, places, say)
    clock.lap("finetune")
    say("merging")
    _merge(folder, second, places)
    clock.lap("merge")
    say("examining")
    exam = _examine(folder, made, persona)
    clock.lap("exam")
    told = {key: exam[key] for key in ("languages", "counts")}
    return {
        "ok": reached(exam["rates"]),
        "model": str(folder / "merged"),
        "exam": exam["rates"],
        **told,
        "seconds": clock.seconds(),
    }


AIMS = {"colour": 0.9, "shape": 0.8, examination.WITH_PICTURE: 0.9}
"""What the exam has to show."""


def reached(rates: dict[str, float]) -> bool:
    """Whether the exam shows what is aimed at."""
    return all(rates.get(kind, 0.0) >= least for kind, least in AIMS.items())


class _Clock:
    def __init__(self) -> None:
        self._began = self._last = time.monotonic()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self._laps[name], self._last = round(now - self._last, 1), now

    def seconds(self) -> dict[str, float]:
        return {**self._laps, "total": round(time.monotonic() - self._began, 1)}


def _made(parent: Path) -> Path:
    folder = parent / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    try:
        folder.mkdir()
    except OSError as error:
        raise writing_failed(error, folder) from error
    return folder


def _first_sight(folder: Path, stage: Stage, places: Places) -> Path:
    """The projector that the first stage begins with."""
    file = folder / "first_sight.pth"
    _execute(folder, _module("first_sight", places.model, places.encoder, places.data / stage.data, file))
    return file


def _train(folder: Path, stage: Stage, places: Places, say: Say) -> Path:
    """Train one stage in `folder`; returns its last checkpoint."""
    folder.mkdir()
    write_text(folder / "config.py", llava_config.render(stage, places, machine.look().device))
    told = -1

    def tick() -> None:
        nonlocal told
        points = progress.points(folder)
        if points and points[-1].step // 10 > told:
            told = points[-1].step // 10
            say(f"{folder.name} {points[-1].step}/{stage.iterations}, loss {points[-1].loss:.2f}")

    _execute(folder, xtuner.train(folder / "config.py", folder / "work", Recipe()), tick)
    found = xtuner.checkpoints(folder / "work")
    if stage.iterations not in found:
        raise UserError("demo_failed", run=folder, reason=last_meaningful_line(run_log.tail(folder)))
    return found[stage.iterations]


def _merge(folder: Path, checkpoint: Path, places: Places) -> None:
    parts, half = folder / "parts", folder / ".merged"
    _execute(folder, xtuner.convert(folder / "finetune" / "config.py", checkpoint, parts))
    _execute(folder, _module("llava_merge", places.model, places.encoder, parts, half))
    replace_folder(half, folder / "merged")


def _examine(folder: Path, made: Example, persona: Persona) -> dict[str, Any]:
    sheets = examination.paper(made.exam, persona)
    questions, answers = folder / "questions.json", folder / "answers.json"
    examination.write_sheets(questions, sheets)
    _execute(folder, _module("seeing", folder / "merged", folder / "data", questions, answers))
    exam = examination.marked(sheets, read_json(answers))
    write_json(folder / "exam.json", exam)
    return exam


def _module(name: str, *arguments: Path) -> list[str]:
    return [sys.executable, "-m", f"training.eyes.{name}", *map(str, arguments)]


def _execute(folder: Path, command: list[str], tick: Callable[[], None] = lambda: None) -> None:
    """Run a child to its end, its output in run.log. Raises UserError(demo_failed) with the log's reason."""
    with (folder / run_log.FILE).open("ab") as log:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=xtuner.environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=process.die_with_parent,
        )
    try:
        while child.poll() is None:
            try:
                child.wait(TICK)
            except subprocess.TimeoutExpired:
                tick()
    finally:
        child.kill()
        child.wait()
    if child.returncode:
        raise UserError("demo_failed", run=folder, reason=last_meaningful_line(run_log.tail(folder)))
