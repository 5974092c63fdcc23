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
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from training import checkpoint, exam, home, recipe
from training.exam import BASE, greedy, recommendation
from training.files import read_json, write_json
from training.merge import whole_checkpoints
from training.models import weights_hash
from training.persona import Persona
from training.questions import EXAM_VERSION, Question, exam_questions

TOKENS = 40
"""Longest answer."""
RETOLD = 16
"""Base answers of each language on which forgetting is measured: the first of the quick half's general questions."""

Answers = dict[str, list[int]]
"""Question -> the tokens of its answer."""


class Examiner:
    """One loaded model that sits the exam with one set of weights after the other."""

    def __init__(self, base: Path, persona: Persona, tick: Callable[[int, int, int], None] = lambda *_: None) -> None:
        """`tick` hears the step that is examined, how many questions are answered, and of how many."""
        self.base, self.persona, self.tick = base, persona, tick
        self.questions = exam_questions(persona)
        self.hash = weights_hash(base)
        self.model, self.tokenizer = greedy.load(base)
        self.base_answers = self._base_answers()
        general = [question for question in exam.quick(self.questions) if question.kind == "general"]
        self.retold = {
            language: [question.text for question in general if question.language == language][:RETOLD]
            for language in persona.languages
        }
        self.base_losses: list[float] = []
        self._answered: dict[int, Answers] = {}
        """By step: after the quick exam the whole one only asks the other half."""

    def sit(self, step: int, iteration: int, quick: bool, put: Callable[[], None] | None) -> exam.Report:
        """Examine the base, or what `put` makes of the model."""
        began = time.monotonic()
        questions = exam.quick(self.questions) if quick else self.questions
        found, forgetting = self.base_answers, dict[str, float]()
        if put:
            self.base_losses = self.base_losses or self._losses()
            put()
            found = self._answered.setdefault(step, {})
            new = [question.text for question in questions if question.text not in found]
            found.update(self._ask(new, step))
            forgetting = self._forgetting()
        texts, base = (self._texts(questions, answers) for answers in (found, self.base_answers))
        marked = exam.mark(questions, texts, base, self.persona)
        seconds = round(time.monotonic() - began, 1)
        scores = exam.scores(marked, forgetting)
        return exam.Report(step, iteration, EXAM_VERSION, quick, self.hash, seconds, scores, marked)

    def _texts(self, questions: Sequence[Question], answers: Answers) -> list[str]:
        return [greedy.text(self.tokenizer, answers[question.text]) for question in questions]

    def _ask(self, texts: list[str], step: int) -> Answers:
        def tick(done: int) -> None:
            self.tick(step, done, len(texts))

        return dict(zip(texts, greedy.answer(self.model, self.tokenizer, texts, TOKENS, tick)))

    def _base_answers(self) -> Answers:
        """Asked once for each weights and exam; another persona may add questions that have its name in them."""
        file = home.home() / "cache" / f"exam-{EXAM_VERSION}-{TOKENS}-{self.hash}.json"
        try:
            known: Answers = read_json(file)
        except (OSError, ValueError):
            known = {}
        new = [text for text in dict.fromkeys(question.text for question in self.questions) if text not in known]
        if new:
            known.update(self._ask(new, BASE))
            file.parent.mkdir(exist_ok=True)
            write_json(file, known)
        return known

    def _losses(self) -> list[float]:
        texts = [text for texts in self.retold.values() for text in texts]
        return greedy.losses(self.model, self.tokenizer, texts, [self.base_answers[text] for text in texts])

    def _forgetting(self) -> dict[str, float]:
        rises = [after - before for after, before in zip(self._losses(), self.base_losses)]
        languages = [language for language, texts in self.retold.items() for _ in texts]
        tokens = [len(self.base_answers[text]) for texts in self.retold.values() for text in texts]
        found = {}
        for key in (exam.ALL, *self.retold):
            rows = [row for row, language in enumerate(languages) if key in (exam.ALL, language)]
            found[key] = sum(rises[row] for row in rows) / max(1, sum(tokens[row] for row in rows))
        return found


def _twice(spec: dict[str, Any]) -> int:
    """Steps in which every different row of the run's data is seen twice; 0 where packing hides how many that are."""
    rows, plan = spec["card"].get("summary", {}).get("unique", 0), recipe.from_dict(spec["recipe"])
    return 0 if plan.pack else math.ceil(2 * rows / plan.rows_a_step)


class Sitting:
    """The exams of one run, with their reports."""

    def __init__(self, folder: Path, spec: dict[str, Any], persona: Persona) -> None:
        self.folder, self.alpha = folder, spec["recipe"]["lora_alpha"]
        accumulation = spec["recipe"]["accumulation"]
        self.files = {
            iteration // accumulation: (iteration, file)
            for iteration, file in whole_checkpoints(folder / "work").items()
        }
        self.reports = {report.step: report for report in exam.load(folder)}
        self.twice = _twice(spec)
        self.done, self.told = 0, 0.0
        self.examiner = Examiner(Path(spec["model_folder"]), persona, self.tick)

    def all(self, whole: bool) -> None:
        """Let everybody sit who has not, and write down whom to keep."""
        self.sit(BASE, whole=True)
        for step in self.files:
            self.sit(step, whole)
            self.done += 1
        chosen = recommendation.recommend(list(self.reports.values()), self.twice)
        while chosen.step in self.files and self.reports[chosen.step].quick:
            self.sit(chosen.step, whole=True)
            chosen = recommendation.recommend(list(self.reports.values()), self.twice)
        recommendation.save(self.folder, chosen)
        print(chosen.sentence(), flush=True)

    def only(self, iteration: int) -> None:
        """Let one checkpoint sit the quick exam, while the training waits."""
        self.sit(BASE, whole=True)
        for step, (known, _) in self.files.items():
            if known == iteration:
                self.sit(step, whole=False)

    def sit(self, step: int, whole: bool) -> None:
        """Let one sit, unless there is a report that tells as much."""
        if step in self.reports and self.reports[step].quick <= (not whole):
            return
        iteration, file = self.files.get(step, (0, None))
        base = self.examiner.base

        def put() -> None:
            checkpoint.put(self.examiner.model, base, file, self.alpha)

        report = self.examiner.sit(step, iteration, not whole, put if file else None)
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
    persona = exam.persona(spec)
    if persona is None:
        print("The dataset was not built from a persona: there is no exam.", flush=True)
        return 2
    sitting = Sitting(folder, spec, persona)
    if only is None:
        sitting.all(whole)
    else:
        sitting.only(only)
        exam.end_progress(folder)
    return 0


def examine_model(folder: Path, persona: Persona, base: Path) -> exam.Report:
    """The report of a model folder; its base's answers are what it is held against."""
    examiner = Examiner(base, persona)
    if folder == base:
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
    report = examine_model(place, Persona.from_dict(json.loads(arguments[0])), Path(arguments[1]))
    print(json.dumps(report.to_dict(), ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), sys.argv[2:]))
