"""One loaded model that sits the exam with one set of weights after the other; for exam_process.py. Imports torch.

What the base answers is kept in HOME/cache for the next run. (With pictures: eyes/examiner.py.)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from training import checkpoint, exam, home
from training.exam import BASE, greedy
from training.files import read_json, write_json
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

    def __init__(
        self,
        base: Path,
        persona: Persona,
        tick: Callable[[int, int, int], None] = lambda *_: None,
        lora_alpha: float = 0.0,
    ) -> None:
        """`tick` hears the step that is examined, how many questions are answered, and of how many."""
        self.base, self.persona, self.tick, self.alpha = base, persona, tick, lora_alpha
        self.questions = exam_questions(persona)
        self.hash = weights_hash(base)
        self.model, self.tokenizer = greedy.load(base)
        self.base_answers = self._base_answers()
        general = [question for question in exam.quick(self.questions) if question.kind == "general"]
        self.retold = {
            language: [question.text for question in general if question.language == language][:RETOLD]
            for language in persona.languages
        }
        self.alone = False
        """There is no base to be held against: what is said is nobody's habit, whichever language it is in."""
        self.base_losses: list[float] = []
        self._answered: dict[int, Answers] = {}
        """By step: after the quick exam the whole one only asks the other half."""

    def put(self, file: Path) -> None:
        """Make the model what it was at this checkpoint."""
        checkpoint.put(self.model, self.base, file, self.alpha)

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
        base = [""] * len(base) if self.alone else base
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
