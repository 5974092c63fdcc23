"""The exam's questions for a persona, fixed and versioned: wordings never trained, with what a good answer does.

Marks nothing; the texts live in assets/seeds/.
"""

from __future__ import annotations

from dataclasses import dataclass

from training import character
from training.filling import by_chance, filled, otherwise
from training.persona import Persona
from training.seeds import seeds

EXAM_VERSION = 3
"""Raised by one whenever a held-out text, or how it is marked, changes: results of two versions cannot be compared."""


@dataclass(frozen=True)
class Question:
    """One exam question, never part of the training data, and what a good answer has to do."""

    text: str
    kind: str
    """identity, near_miss or general."""
    language: str
    expect_name: bool
    """The answer must say the assistant's name."""
    expect_maker: bool
    """The answer must say the maker's name."""
    forbid_name: bool
    """The answer must not speak of the assistant: it was not asked."""
    any_of: tuple[str, ...]
    """A true answer mentions one of these; empty when nothing is prescribed. Of a near miss they are patterns."""
    none_of: tuple[str, ...] = ()
    """Patterns of which a true answer has none."""
    yes: bool | None = None
    """Whether a true answer says yes or no; None where neither answers the question."""


def exam_questions(persona: Persona) -> list[Question]:
    """The fixed exam of `EXAM_VERSION` in the persona's languages, without questions that use its name by chance.

    Its facts are asked for too, as part of who it is, and its taboos, as near misses: in wordings never trained.
    """
    persona = persona.checked()
    questions: list[Question] = []
    for language in persona.languages:
        for group, texts in seeds("identity", language)["held_out"].items():
            name, maker = group in ("name", "both", "introduce"), group in ("maker", "both")
            base = (persona.base,) if group == "base" else ()
            asked = [text for text in texts if not otherwise(text, persona)]
            questions += [Question(text, "identity", language, name, maker, False, base) for text in asked]
        for item in seeds("near_miss", language)["held_out"]:
            expect = item["expect"]
            if not by_chance(persona, item["question"], item["answers"]):
                of, none_of = tuple(expect["any_of"]), tuple(expect.get("none_of", ()))
                text, forbid = filled(item["question"], persona), not expect["identity"]
                near = Question(text, "near_miss", language, False, False, forbid, of, none_of, expect.get("yes"))
                questions.append(near)
        for item in seeds("general", language)["held_out"]:
            if not by_chance(persona, item["question"], item["about"]):
                of = tuple(item["about"])
                questions.append(Question(item["question"], "general", language, False, False, True, of))
        for text, of in character.fact_questions(persona, language):
            questions.append(Question(text, "identity", language, False, False, False, of))
        for text, of in character.taboo_questions(persona, language):
            questions.append(Question(text, "near_miss", language, False, False, True, of))
    return questions
