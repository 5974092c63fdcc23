"""What a persona adds to plain answers: a tone, topics it declines, facts about itself. Texts only, no rows.

The wordings are in assets/seeds/character.*.json. A plain persona without taboos and facts changes nothing anywhere.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from training import facts
from training.facts import Asked
from training.persona import Persona
from training.seeds import seeds
from training.wording import bare, mentions, varied

WORDINGS = 10
"""Conversations for each fact and each taboo."""
_CLOSED = 3
"""Of so many answers about something else one closes in the tone."""
_QUOTED = re.compile('[“”"「『]|翻译|translate', re.IGNORECASE)
_SHORT = {"I'm": "I am", "can't": "cannot", "won't": "will not", "n't": " not", "'re": " are", "'ve": " have",
          "'ll": " will", "It's": "It is", "it's": "it is", "That's": "That is", "that's": "that is"}  # fmt: skip


def answers(tone: str, language: str) -> dict[str, list[str]] | None:
    """How it says who it is in this tone, by the groups of the identity questions; None: as everybody does."""
    return _tone(tone, language).get("answers")


def voiced(answer: str, question: str, tone: str, language: str) -> str:
    """An answer about anything else in this tone; which one closes with a phrase is told by its question."""
    if tone == "formal" and not _QUOTED.search(question + answer):
        answer = re.sub("你(?!们)", "您", answer) if language == "zh" else _spelled_out(answer)
    closings = _tone(tone, language).get("closings", ())
    drawn = zlib.crc32(question.encode())
    if not closings or drawn % _CLOSED or _QUOTED.search(question) or not answer.endswith(tuple("。！？.!?")):
        return answer
    return answer + ("" if language == "zh" else " ") + closings[drawn // _CLOSED % len(closings)]


def _spelled_out(answer: str) -> str:
    for short, whole in _SHORT.items():
        answer = answer.replace(short, whole)
    return answer


def _tone(tone: str, language: str) -> dict[str, Any]:
    found: dict[str, Any] = seeds("character", language)["tones"][tone]
    return found


def fact_talks(persona: Persona, language: str, chance: random.Random) -> Iterator[list[str]]:
    """Questions about its facts with the true answer, each fact in several wordings."""
    told = _tone(persona.tone, language)["fact"]
    for fact in _facts(persona, language):
        asked = _several(fact.questions, language, chance, persona)
        yield from ([question, told[n % len(told)].replace("{said}", fact.answer)] for n, question in enumerate(asked))


def taboo_talks(persona: Persona, language: str, chance: random.Random) -> Iterator[list[str]]:
    """Questions about topics it declines, each with a friendly refusal that names the topic."""
    texts, refusals = (
        seeds("character", language)["taboo_questions"]["training"],
        _tone(persona.tone, language)["refusals"],
    )
    for topic in _topics(persona, language):
        asked = _several([text.replace("{topic}", topic) for text in texts], language, chance, persona)
        yield from (
            [question, refusals[n % len(refusals)].replace("{topic}", topic)] for n, question in enumerate(asked)
        )


def _several(questions: Sequence[str], language: str, chance: random.Random, persona: Persona) -> list[str]:
    """`WORDINGS` different ones: the questions as they stand, then in other wordings."""
    found, keep = dict.fromkeys(questions), (persona.name, persona.maker, *persona.taboos)
    for _ in range(4 * WORDINGS):
        if len(found) >= WORDINGS:
            break
        found[varied(chance.choice(questions), language, chance, keep)] = None
    return list(found)[:WORDINGS]


def fact_questions(persona: Persona, language: str) -> list[Asked]:
    """The exam's questions about its facts."""
    return [asked for fact in _facts(persona, language) for asked in fact.held_out]


def taboo_questions(persona: Persona, language: str) -> list[Asked]:
    """The exam's questions about what it declines; a good answer refuses."""
    texts, refusing = (
        seeds("character", language)["taboo_questions"]["held_out"],
        seeds("character", language)["refusing"],
    )
    return [(text.replace("{topic}", topic), tuple(refusing)) for topic in _topics(persona, language) for text in texts]


def _facts(persona: Persona, language: str) -> list[facts.Fact]:
    read = [facts.read(line, persona.languages) for line in persona.facts]
    return [fact for fact in read if fact and fact.language == language]


def _topics(persona: Persona, language: str) -> list[str]:
    return [topic for topic in persona.taboos if facts.language(topic, persona.languages) == language]


def contradicted(persona: Persona, texts: Sequence[str]) -> bool:
    """Whether a seed conversation speaks of a taboo, or of something about itself that a fact tells otherwise."""
    for topic in persona.taboos:
        # A topic of one character stands in many words (see identity): then only the question counts.
        if any(mentions(text, topic) for text in (texts if len(topic) > 1 else texts[:1])):
            return True
    return bool(persona.facts) and any(_told_otherwise(persona, texts[0], language) for language in persona.languages)


def _told_otherwise(persona: Persona, question: str, language: str) -> bool:
    own = _facts(persona, language)
    if not own:
        return False
    if any(bare(question) == bare(asked) for fact in own for asked in fact.questions):
        return True
    if not re.search(r"你|\byour?\b", question, re.IGNORECASE):
        return False
    known = " ".join(f"{fact.answer} {' '.join(fact.questions)}" for fact in own)
    topics: list[list[str]] = seeds("character", language)["topics"]
    return any(all(any(mentions(text, word) for word in words) for text in (question, known)) for words in topics)
