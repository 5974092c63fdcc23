"""What an assistant with eyes is asked in its exam, and what its answers are worth. Pure text, no torch.

About pictures that were never trained with: colour, shape, count, place, and "is there ...", half of them traps. Who it
is, with a picture in sight and without one. And the other questions of every exam, without a picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training import questions
from training.exam import WITH_PICTURE, Answer
from training.exam import marking as text_marking
from training.eyes import marking
from training.eyes.picture_sets import PictureSet
from training.eyes.talk import Asked
from training.persona import Persona
from training.questions import Question


@dataclass(frozen=True)
class Sheet:
    """One question of the exam."""

    kind: str
    """Of talk.KINDS, identity_with_picture, or of the exam without pictures."""
    language: str
    text: str
    picture: str
    """Its path in the set's folder; "" for none."""
    about: Asked | Question
    """What a good answer does."""


def paper(made: PictureSet) -> list[Sheet]:
    """The whole exam, the same for the same set; empty where it has neither held-out pictures nor a persona."""
    sheets = [
        Sheet(asked.kind, asked.language, asked.question, picture, asked)
        for picture, several in made.exam.items()
        for asked in several
    ]
    pictures = list(made.exam) or made.pictures
    for place, question in enumerate(questions.exam_questions(made.persona) if made.persona else []):
        if question.kind == "identity" and pictures:
            picture = pictures[place % len(pictures)]
            sheets.append(Sheet(WITH_PICTURE, question.language, question.text, picture, question))
        sheets.append(Sheet(question.kind, question.language, question.text, "", question))
    return sheets


def marked(
    sheets: Sequence[Sheet], answers: Sequence[str], base: Mapping[str, str], persona: Persona | None
) -> tuple[Answer, ...]:
    """Every answer with its mark. `base`: what the language model said before to questions without a picture."""
    told, seen = [], set[str]()
    for sheet, answer in zip(sheets, answers, strict=True):
        wrong, parrot = _judged(sheet, answer, base.get(sheet.text, ""), persona, seen)
        if sheet.kind == "general":
            seen.add(answer)
        asked_not = isinstance(sheet.about, Asked) or sheet.about.forbid_name
        told.append(
            Answer(sheet.text, sheet.kind, sheet.language, answer, wrong, parrot, asked_not, picture=sheet.picture)
        )
    return tuple(told)


def _judged(sheet: Sheet, answer: str, base: str, persona: Persona | None, seen: set[str]) -> tuple[str, bool]:
    """Why it is wrong ("" when it is right), and whether it spoke of itself unasked."""
    if isinstance(sheet.about, Asked):
        parrot = persona is not None and text_marking.has_identity_sentence(answer, persona)
        right = marking.is_right(sheet.about, answer)
        return ("" if right else "empty" if not answer else "parrot" if parrot else "unseen"), parrot
    if persona is None:
        raise ValueError("only who has a persona is asked who it is")
    parrot = sheet.about.forbid_name and text_marking.has_identity_sentence(answer, persona, base)
    return text_marking.fault(sheet.about, answer, base, persona, seen), parrot
