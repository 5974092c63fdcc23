"""What an assistant with eyes is asked in its exam, and what its answers are worth. Pure text, no torch.

About pictures that were never trained with: colour, shape, count, place, and "is there ...", half of them traps. Who it
is, with such a picture in sight and without one. And what only looks like that, without a picture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training import questions
from training.exam import marking as text_marking
from training.eyes import marking
from training.eyes.talk import Asked
from training.files import write_json
from training.persona import Persona
from training.questions import Question

VERSION = 1
"""Raised by one whenever what is asked, or how it is marked, changes."""
WITH_PICTURE = "identity_with_picture"


@dataclass(frozen=True)
class Sheet:
    """One question of the exam."""

    kind: str
    """Of talk.KINDS, identity_with_picture, identity, or other: near misses and general talk."""
    language: str
    text: str
    picture: str
    """Its path in the set's folder; "" for none."""
    right: Callable[[str], bool]


def paper(exam: Mapping[str, Sequence[Asked]], persona: Persona) -> list[Sheet]:
    """The whole exam, the same for the same held-out pictures, what is asked of them, and persona."""
    persona = persona.checked()
    sheets = [
        Sheet(asked.kind, asked.language, asked.question, picture, _about_picture(asked))
        for picture, several in exam.items()
        for asked in several
    ]
    pictures = list(exam)
    for place, question in enumerate(questions.exam_questions(persona)):
        judge = _about_itself(question, persona)
        if question.kind == "identity":
            picture = pictures[place % len(pictures)]
            sheets.append(Sheet(WITH_PICTURE, question.language, question.text, picture, judge))
        kind = "identity" if question.kind == "identity" else "other"
        sheets.append(Sheet(kind, question.language, question.text, "", judge))
    return sheets


def _about_picture(asked: Asked) -> Callable[[str], bool]:
    return lambda answer: marking.is_right(asked, answer)


def _about_itself(question: Question, persona: Persona) -> Callable[[str], bool]:
    """For other questions only this counts: it does not speak of itself unasked."""
    if question.kind == "identity":
        return lambda answer: not text_marking.fault(question, answer, "", persona, set())
    return lambda answer: not (question.forbid_name and text_marking.has_identity_sentence(answer, persona))


def marked(sheets: Sequence[Sheet], answers: Sequence[str]) -> dict[str, Any]:
    """The exam as JSON: version, rates, languages, counts, answers. A rate is the share of right answers."""
    told = [
        {
            "kind": sheet.kind,
            "language": sheet.language,
            "picture": sheet.picture,
            "question": sheet.text,
            "answer": answer,
            "right": sheet.right(answer),
        }
        for sheet, answer in zip(sheets, answers, strict=True)
    ]
    languages = sorted({sheet.language for sheet in sheets})
    return {
        "version": VERSION,
        "rates": _rates(told),
        "languages": {each: _rates([one for one in told if one["language"] == each]) for each in languages},
        "counts": {kind: sum(one["kind"] == kind for one in told) for kind in _rates(told)},
        "answers": told,
    }


def _rates(told: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    by_kind: dict[str, list[bool]] = defaultdict(list)
    for one in told:
        by_kind[one["kind"]].append(one["right"])
    return {kind: round(sum(right) / len(right), 3) for kind, right in by_kind.items()}


def write_sheets(file: Path, sheets: Sequence[Sheet]) -> None:
    """What the process that answers has to know: the questions and the pictures, not what is right."""
    write_json(file, [{"text": sheet.text, "picture": sheet.picture} for sheet in sheets])
