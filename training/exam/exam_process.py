"""The exam, in a process of its own: python -m training.exam.exam_process RUN_FOLDER [--whole]

The base weights are loaded once; the base model and every whole checkpoint without a report sit the exam in turn.
The checkpoints answer half of the questions, and the one that is recommended then answers all (--whole: each does;
--only ITERATION: that one answers half, and nothing is recommended yet).
How far it is stands in exam/progress.json. What the base answers is kept in HOME/cache for the next run.

With a model folder, a persona (JSON) and the folder of its base, it prints that model's report instead:
python -m training.exam.exam_process MODEL_FOLDER PERSONA BASE_FOLDER
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from training import exam, recipe
from training.exam import BASE, greedy, recommendation
from training.exam.examiner import Examiner
from training.eyes import run_data
from training.files import read_json
from training.merge import whole_checkpoints
from training.persona import Persona


def _twice(spec: dict[str, Any]) -> int:
    """Steps in which every different row of the run's data is seen twice; 0 where packing hides how many that are."""
    rows, plan = (spec.get("card") or {}).get("summary", {}).get("unique", 0), recipe.from_dict(spec["recipe"])
    return 0 if plan.pack else math.ceil(2 * rows / plan.rows_a_step)


class Sits(Protocol):
    """Whoever sits an exam, with eyes or without."""

    def put(self, file: Path) -> None: ...
    def sit(self, step: int, iteration: int, quick: bool, put: Callable[[], None] | None) -> exam.Report: ...


class Sitting:
    """The exams of one run, with their reports."""

    def __init__(self, folder: Path, spec: dict[str, Any]) -> None:
        self.folder = folder
        accumulation = spec["recipe"]["accumulation"]
        self.files = {
            iteration // accumulation: (iteration, file)
            for iteration, file in whole_checkpoints(folder / "work").items()
        }
        self.reports = {report.step: report for report in exam.load(folder)}
        self.twice = _twice(spec)
        self.done, self.told = 0, 0.0
        self.begun = run_data.before(folder, spec) if spec.get("eyes") else None
        """What the base of a run with pictures sees with."""
        self.examiner = self._examiner(spec)

    def _examiner(self, spec: dict[str, Any]) -> Sits:
        if spec.get("eyes"):
            from training.eyes.examiner import Examiner as WithEyes

            return WithEyes(self.folder, spec, self.tick)
        persona = exam.persona(spec)
        assert persona is not None, "exam.there_is() said that there is one"
        return Examiner(Path(spec["model_folder"]), persona, self.tick, spec["recipe"]["lora_alpha"])

    def all(self, whole: bool) -> None:
        """Let everybody sit who has not, and write down whom to keep."""
        self.sit(BASE, whole=True)
        for step in self.files:
            self.sit(step, whole)
            self.done += 1
        chosen = self.recommended()
        while chosen.step in self.files and self.reports[chosen.step].quick:
            self.sit(chosen.step, whole=True)
            chosen = self.recommended()
        recommendation.save(self.folder, chosen)
        print(chosen.sentence(), flush=True)

    def recommended(self) -> recommendation.Recommendation:
        """Whom to keep of those whose files are there; the others only tell how it went."""
        return recommendation.recommend(list(self.reports.values()), self.twice, self.files)

    def only(self, iteration: int) -> None:
        """Let one checkpoint sit the quick exam, while the training waits."""
        self.sit(BASE, whole=True)
        for step, (known, _) in self.files.items():
            if known == iteration:
                self.sit(step, whole=False)

    def sit(self, step: int, whole: bool) -> None:
        """Let one sit, unless there is a report that tells as much."""
        iteration, file = self.files.get(step, (0, self.begun))
        known = self.reports.get(step)
        if known and known.iteration == iteration and known.quick <= (not whole):
            return
        put = partial(self.examiner.put, file) if file else None
        report = self.examiner.sit(step, iteration, not whole, put)
        exam.save(self.folder, report)
        self.reports[step] = report
        print(json.dumps(exam.told(report)), flush=True)

    def tick(self, step: int, asked: int, of: int) -> None:
        """Say how far it is, twice a second at most."""
        if time.monotonic() - self.told > 0.5:
            self.told = time.monotonic()
            share = (self.done + asked / of) / (len(self.files) + 1)
            exam.tell(self.folder, step=step, asked=asked, of=of, share=round(min(1.0, share), 3))


def examine_run(folder: Path, whole: bool, only: int | None = None) -> int:
    """Examine what has no report yet, or only one checkpoint. Exit code 2 when the run's dataset has no persona."""
    spec = read_json(folder / "spec.json")
    if not exam.there_is(folder, spec):
        print("The dataset was not built from a persona: there is no exam.", flush=True)
        return 2
    try:
        sitting = Sitting(folder, spec)
        if only is None:
            sitting.all(whole)
        else:
            sitting.only(only)
    finally:
        exam.end_progress(folder)
    return 0


def examine_model(folder: Path, persona: Persona, base: Path | None) -> exam.Report:
    """The report of a model folder; its base's answers, where it is here, are what it is held against."""
    examiner = Examiner(base or folder, persona)
    examiner.alone = base is None
    if base is None:
        return examiner.sit(BASE, BASE, False, None)

    def put() -> None:
        examiner.model, examiner.tokenizer = greedy.load(folder)

    return examiner.sit(BASE, BASE, False, put)


def main(place: Path, arguments: list[str]) -> int:
    """Examine a run, or a model folder."""
    if not arguments or arguments == ["--whole"]:
        return examine_run(place, bool(arguments))
    if arguments[0] == "--only":
        return examine_run(place, False, int(arguments[1]))
    spoken, *base = arguments
    report = examine_model(place, Persona.from_dict(json.loads(spoken)), Path(*base) if base else None)
    print(json.dumps(report.to_dict(), ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), sys.argv[2:]))
