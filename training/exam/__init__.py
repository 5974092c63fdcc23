"""What an exam shows: every answer marked, and the scores by language and in all. Pure, no torch.

One report per checkpoint, runs/<id>/exam/step_<N>.json; step 0 is the base model before any training.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from training.exam.marking import fault, has_identity_sentence
from training.exam.score import ALL, KINDS, RATES, SEEING, WITH_PICTURE, Answer, Score, scores
from training.files import read_json, write_json
from training.persona import Persona
from training.questions import EXAM_VERSION, Question

__all__ = [
    "ALL", "BASE", "KINDS", "RATES", "SEEING", "WITH_PICTURE", "Answer", "Report", "Score", "command",
    "command_of_step", "end_progress", "folder", "load", "mark", "model_command", "note", "outdated", "persona",
    "quick", "save", "scores", "tell", "there_is", "told",
]  # fmt: skip

BASE = 0
"""The step of the report of the model before training."""
_PROGRESS = "progress.json"


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
        marks = {language: Score(**score) for language, score in values["scores"].items()}
        return Report(**{**values, "scores": marks, "answers": tuple(Answer(**each) for each in values["answers"])})


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


class Asked(Protocol):
    """Any question of an exam."""

    @property
    def kind(self) -> str: ...
    @property
    def language(self) -> str: ...


AnyAsked = TypeVar("AnyAsked", bound=Asked)


def quick(questions: Sequence[AnyAsked]) -> list[AnyAsked]:
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


def outdated(run_folder: Path) -> bool:
    """Whether there are reports, but of another version of the exam."""
    return any(folder(run_folder).glob("step_*.json")) and not load(run_folder)


def told(report: Report) -> dict[str, Any]:
    """The report's numbers without its answers, for scripts: in all, and by language."""
    languages = {language: _told(score) for language, score in report.scores.items() if language != ALL}
    numbers = {"step": report.step, "quick": report.quick, "seconds": report.seconds}
    return {**numbers, **_told(report.scores[ALL]), "languages": languages}


def _told(score: Score) -> dict[str, Any]:
    return {name: value for name, value in asdict(score).items() if name != "seeing" or value}


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


def there_is(run_folder: Path, spec: dict[str, Any]) -> bool:
    """Whether a run has an exam to sit: who its assistant is, or held-out pictures."""
    return persona(spec) is not None or (run_folder / "data" / "exam.json").is_file()


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


def model_command(model: Path, who: Persona, base: Path | None) -> list[str]:
    """The command line that examines a model folder and prints its report; None: its base is not here."""
    spoken = json.dumps(asdict(who), ensure_ascii=False)
    held = [str(base)] if base else []
    return [sys.executable, "-m", "training.exam.exam_process", str(model), spoken, *held]
