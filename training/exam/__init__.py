"""What an exam shows: every answer marked, and the scores by language and in all. Pure, no torch.

One report per checkpoint, runs/<id>/exam/step_<N>.json; step 0 is the base model before any training.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.exam.marking import fault, has_identity_sentence
from training.files import read_json, write_json
from training.persona import Persona
from training.questions import EXAM_VERSION, Question

ALL = "all"
"""The key of the scores over every language."""
BASE = 0
"""The step of the report of the model before training."""
_PROGRESS = "progress.json"
KINDS = ("identity", "near_miss", "general")
RATES = ("recall", "parrot", "near_miss", "general", "forgetting")
"""What a score tells, in the order it is shown."""


@dataclass(frozen=True)
class Answer:
    """One question, what was answered, and the mark."""

    question: str
    kind: str
    """identity, near_miss or general."""
    language: str
    answer: str
    fault: str
    """Why it is wrong, a short code of marking.fault(); "" when it is right."""
    parrot: bool
    """The identity sentence was said although it was not asked for."""
    asked_not: bool
    """The assistant's identity was not asked: the answer counts in the parrot rate."""


@dataclass(frozen=True)
class Score:
    """Rates from 0 to 1, of one language or of all; None where there was no question."""

    recall: float | None
    """Share of the identity questions answered as expected (name, maker, base)."""
    parrot: float | None
    """Share of the questions about something else that were answered with the identity."""
    near_miss: float | None
    """Share of the near misses answered truly."""
    general: float | None
    """Share of the general questions still answered."""
    forgetting: float | None
    """Rise of the loss on the base model's own answers to the general questions, in nats per token."""
    known: int
    """Identity questions answered as expected."""
    asked: int
    """Identity questions."""
    parroted: int
    """Answers with an identity that was not asked for."""
    others: int
    """Questions that did not ask for the identity."""


@dataclass(frozen=True)
class Report:
    """How one checkpoint (or the base) did in the exam."""

    step: int
    """The training step of the checkpoint; 0 is the base model."""
    iteration: int
    """XTuner's number of the checkpoint file; steps times accumulation."""
    version: int
    """EXAM_VERSION of the questions: only equal versions can be compared."""
    quick: bool
    """Only the fixed quick half of the questions was asked."""
    model: str
    """Hash of the base weights."""
    seconds: float
    """How long the exam took."""
    scores: dict[str, Score]
    """By language, and "all"."""
    answers: tuple[Answer, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Report:
        scores = {language: Score(**score) for language, score in values["scores"].items()}
        return Report(**{**values, "scores": scores, "answers": tuple(Answer(**each) for each in values["answers"])})


def mark(
    questions: Sequence[Question], answers: Sequence[str], base_answers: Sequence[str], persona: Persona
) -> tuple[Answer, ...]:
    """Every answer with its mark. `base_answers`: what the base model says to the same questions."""
    marked, seen = [], set[str]()
    for question, answer, base in zip(questions, answers, base_answers):
        parrot = question.forbid_name and has_identity_sentence(answer, persona, base)
        wrong = fault(question, answer, base, persona, seen)
        if question.kind == "general":
            seen.add(answer)
        marked.append(
            Answer(question.text, question.kind, question.language, answer, wrong, parrot, question.forbid_name)
        )
    return tuple(marked)


def scores(answers: Sequence[Answer], forgetting: dict[str, float]) -> dict[str, Score]:
    """The scores by language and in all. `forgetting` by the same keys; what is missing stays None."""
    languages = sorted({answer.language for answer in answers})
    return {
        key: _score([each for each in answers if key in (ALL, each.language)], forgetting.get(key))
        for key in (ALL, *languages)
    }


def _score(answers: Sequence[Answer], forgetting: float | None) -> Score:
    right = {kind: [not each.fault for each in answers if each.kind == kind] for kind in ("identity", *_OTHERS)}
    parrots = [each.parrot for each in answers if each.asked_not]
    return Score(
        recall=_share(right["identity"]),
        parrot=_share(parrots),
        near_miss=_share(right["near_miss"]),
        general=_share(right["general"]),
        forgetting=None if forgetting is None else round(forgetting, 4),
        known=sum(right["identity"]),
        asked=len(right["identity"]),
        parroted=sum(parrots),
        others=len(parrots),
    )


_OTHERS = ("near_miss", "general")


def _share(claims: Sequence[bool]) -> float | None:
    return round(sum(claims) / len(claims), 4) if claims else None


def quick(questions: Sequence[Question]) -> list[Question]:
    """The fixed half for a quick exam: every second question of each kind and language."""
    counted: dict[tuple[str, str], int] = {}
    chosen = []
    for question in questions:
        key = (question.kind, question.language)
        counted[key] = counted.get(key, -1) + 1
        chosen += [question] if counted[key] % 2 == 0 else []
    return chosen


def folder(run_folder: Path) -> Path:
    return run_folder / "exam"


def save(run_folder: Path, report: Report) -> Path:
    """Write the report beside the run's others."""
    folder(run_folder).mkdir(exist_ok=True)
    path = folder(run_folder) / f"step_{report.step}.json"
    write_json(path, report.to_dict())
    return path


def load(run_folder: Path) -> list[Report]:
    """The reports of a run by step, the base first; of this exam's version only, unreadable ones left out."""
    found = []
    for path in folder(run_folder).glob("step_*.json"):
        try:
            report = Report.from_dict(read_json(path))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            continue
        found += [report] if report.version == EXAM_VERSION else []
    return sorted(found, key=lambda report: report.step)


def told(report: Report) -> dict[str, Any]:
    """The report's numbers without its answers, for scripts: in all, and by language."""
    languages = {language: asdict(score) for language, score in report.scores.items() if language != ALL}
    numbers = {"step": report.step, "quick": report.quick, "seconds": report.seconds}
    return {**numbers, **asdict(report.scores[ALL]), "languages": languages}


def tell(run_folder: Path, **how_far: Any) -> None:
    """Say how far the exam is."""
    folder(run_folder).mkdir(exist_ok=True)
    write_json(folder(run_folder) / _PROGRESS, how_far)


def end_progress(run_folder: Path) -> None:
    """Say that nobody sits the exam any more."""
    (folder(run_folder) / _PROGRESS).unlink(missing_ok=True)


def note(run_folder: Path) -> dict[str, Any] | None:
    """How far the exam is, as a note for status.json; None before it has begun."""
    try:
        how_far = read_json(folder(run_folder) / _PROGRESS)
        return {"note": "exam" if how_far["step"] else "exam_base", **how_far}
    except (OSError, ValueError, TypeError, KeyError):
        return None


def persona(spec: dict[str, Any]) -> Persona | None:
    """Who the run's dataset speaks of; None when it was not built here: then there is no exam to sit."""
    values = (spec.get("card") or {}).get("persona")
    return Persona.from_dict(values) if values else None


def command(run_folder: Path, whole: bool = False) -> list[str]:
    """The command line that examines the base and every whole checkpoint of a run."""
    return [sys.executable, "-m", "training.exam.exam_process", str(run_folder), *(["--whole"] if whole else [])]


def command_of_step(run_folder: Path, iteration: int) -> list[str]:
    """The command line that lets one checkpoint of a run sit the quick exam, and the base if it has not yet."""
    return [sys.executable, "-m", "training.exam.exam_process", str(run_folder), "--only", str(iteration)]


def model_command(model: Path, who: Persona, base: Path) -> list[str]:
    """The command line that examines a model folder and prints its report."""
    spoken = json.dumps(asdict(who), ensure_ascii=False)
    return [sys.executable, "-m", "training.exam.exam_process", str(model), spoken, str(base)]
