"""The exam of a run, in a process of its own: python -m training.exam_process RUN_FOLDER [--quick]

The base weights are loaded once; the base model and every whole checkpoint without a report sit the exam in turn.
One JSON object a line on stdout tells how far it is. What the base answers is kept in HOME/cache for the next run.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from training import checkpoint, exam, greedy, home, identity
from training.files import read_json, write_json
from training.identity import EXAM_VERSION, Question
from training.merge import whole_checkpoints
from training.persona import Persona

TOKENS = 40
"""Longest answer."""
RETOLD = 16
"""Base answers of each language on which forgetting is measured: the first of the general questions."""
BASE = 0


class Examiner:
    """One loaded model that sits the exam with one set of weights after the other."""

    def __init__(self, run_folder: Path, persona: Persona, quick: bool) -> None:
        self.run, self.persona, self.quick = run_folder, persona, quick
        self.spec = read_json(run_folder / "spec.json")
        self.base = Path(self.spec["model_folder"])
        questions = identity.exam_questions(persona)
        self.questions: list[Question] = exam.quick(questions) if quick else questions
        self.hash = weights_hash(self.base)
        self.model, self.tokenizer = greedy.load(self.base)
        self.base_answers = self._base_answers()
        general = [question for question in self.questions if question.kind == "general"]
        self.retold = [
            question.text
            for language in persona.languages
            for question in [each for each in general if each.language == language][:RETOLD]
        ]
        self.base_losses = self._losses()

    def sit(self, step: int, iteration: int, file: Path | None) -> exam.Report:
        """Examine one checkpoint, or the base, and write its report."""
        began = time.monotonic()
        forgetting: dict[str, float] = {}
        found = self.base_answers
        if file:
            checkpoint.put(self.model, self.base, file, self.spec["recipe"]["lora_alpha"])
            found = self._ask([question.text for question in self.questions], step)
            forgetting = self._forgetting()
        texts, base = (
            [greedy.text(self.tokenizer, answers[question.text]) for question in self.questions]
            for answers in (found, self.base_answers)
        )
        marked = exam.mark(self.questions, texts, base, self.persona)
        seconds = round(time.monotonic() - began, 1)
        scores = exam.scores(marked, forgetting)
        report = exam.Report(step, iteration, EXAM_VERSION, self.quick, self.hash, seconds, scores, marked)
        exam.save(self.run, report)
        return report

    def _ask(self, texts: list[str], step: int) -> dict[str, list[int]]:
        def tick(done: int) -> None:
            tell(step=step, asked=done, of=len(texts))

        return dict(zip(texts, greedy.answer(self.model, self.tokenizer, texts, TOKENS, tick)))

    def _base_answers(self) -> dict[str, list[int]]:
        """Asked once for each weights and exam; another persona may add questions that have its name in them."""
        file = home.home() / "cache" / f"exam-{EXAM_VERSION}-{TOKENS}-{self.hash}.json"
        try:
            known: dict[str, list[int]] = read_json(file)
        except (OSError, ValueError):
            known = {}
        new = [text for text in dict.fromkeys(question.text for question in self.questions) if text not in known]
        if new:
            known.update(self._ask(new, BASE))
            file.parent.mkdir(exist_ok=True)
            write_json(file, known)
        return known

    def _losses(self) -> list[float]:
        given = [self.base_answers[text] for text in self.retold]
        return greedy.losses(self.model, self.tokenizer, self.retold, given)

    def _forgetting(self) -> dict[str, float]:
        languages = {question.text: question.language for question in self.questions}
        rises = [after - before for after, before in zip(self._losses(), self.base_losses)]
        found = {}
        for key in (exam.ALL, *self.persona.languages):
            rows = [row for row, text in enumerate(self.retold) if key in (exam.ALL, languages[text])]
            tokens = sum(len(self.base_answers[self.retold[row]]) for row in rows)
            found[key] = sum(rises[row] for row in rows) / max(1, tokens)
        return found


def weights_hash(folder: Path) -> str:
    """Names the weights of a model folder: the first 16 digits of their SHA-256."""
    digest = hashlib.sha256()
    for shard in sorted(folder.glob("*.safetensors")):
        with shard.open("rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()[:16]


def tell(**facts: Any) -> None:
    print(json.dumps(facts, ensure_ascii=False), flush=True)


def main(run_folder: Path, quick: bool) -> int:
    """Examine what has no report yet. Exit code 2 when the run's dataset has no persona."""
    persona = exam.persona(read_json(run_folder / "spec.json"))
    if persona is None:
        tell(skipped="no persona")
        return 2
    sat = {report.step for report in exam.load(run_folder) if report.quick <= quick}
    examiner = Examiner(run_folder, persona, quick)
    accumulation = examiner.spec["recipe"]["accumulation"]
    files: dict[int, Path | None] = {BASE: None, **whole_checkpoints(run_folder / "work")}
    for iteration, file in files.items():
        step = iteration // accumulation
        if step not in sat and not (file and file.is_dir()):  # DeepSpeed's folders cannot be read here yet
            report = examiner.sit(step, iteration, file)
            tell(step=step, seconds=report.seconds, **report.to_dict()["scores"][exam.ALL])
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), "--quick" in sys.argv[2:]))
