"""What a persona adds to plain answers: a tone, topics it declines, facts about itself. Texts only, no rows.

The wordings are in assets/seeds/character.*.json. A plain persona without taboos and facts changes nothing anywhere.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from training import facts
from training.facts import Asked
from training.persona import Persona
from training.seeds import seeds
from training.sentences import LANGUAGES
from training.wording import bare, mentions, varied

WORDINGS = 10
"""Conversations for each fact and each taboo."""
_CLOSED = 3
"""Of so many answers about something else one closes in the tone."""
_QUOTED = re.compile('[“”"「『]|翻译|translate', re.IGNORECASE)
_OF_ITSELF = re.compile(r"你|您|\b(?:your?|u|ur)\b", re.IGNORECASE)
_ASKED = re.compile("[?？。]+$|^(?:为什么|怎么|什么是|谁|(?:who|what|where|when|why|is|are|does?) )", re.IGNORECASE)
"""A topic that is typed as a question."""


def answers(tone: str, language: str) -> dict[str, list[str]] | None:
    """How it says who it is in this tone, by the groups of the identity questions; None: as everybody does."""
    return _tone(tone, language).get("answers")


def voiced(answer: str, question: str, tone: str, language: str) -> str:
    """An answer about anything else in this tone; which one closes with a phrase is told by its question."""
    if tone == "formal" and not _QUOTED.search(question + answer):
        for said, better in _tone(tone, language)["instead"].items():
            answer = answer.replace(said, better)
        answer = re.sub("你(?!们)", "您", answer) if language == "zh" else answer
    closings = _tone(tone, language).get("closings", ())
    drawn = zlib.crc32(bare(question).encode())
    if not closings or drawn % _CLOSED or not _may_close(question, answer, language):
        return answer
    return answer + ("" if language == "zh" else " ") + closings[drawn // _CLOSED % len(closings)]


def _may_close(question: str, answer: str, language: str) -> bool:
    """A greeting, a feeling, a question in return, a yes or no and what it says of itself stand as they are."""
    never = seeds("character", language)["unclosed"]
    if _QUOTED.search(question) or re.search("[?？]", answer) or not answer.endswith(tuple("。！.!")):
        return False
    return not re.match(never["question"], question) and not re.match(never["answer"], answer)


def _tone(tone: str, language: str) -> dict[str, Any]:
    found: dict[str, Any] = seeds("character", language)["tones"][tone]
    return found


def fact_talks(persona: Persona, language: str, chance: random.Random) -> Iterator[list[str]]:
    """Questions about its facts with the true answer, each fact in several wordings."""
    tone = _tone(persona.tone, language)
    for fact in _facts(persona, language):
        told = tone.get("answered", tone["fact"]) if fact.answered else tone["fact"]
        asked = _several(fact.questions, language, chance, persona)
        yield from ([question, told[n % len(told)].replace("{said}", fact.answer)] for n, question in enumerate(asked))


def taboo_talks(persona: Persona, language: str, chance: random.Random) -> Iterator[list[str]]:
    """Questions about topics it declines, each with a friendly refusal that names the topic."""
    texts, refusals = (
        seeds("character", language)["taboo_questions"]["training"],
        _tone(persona.tone, language)["refusals"],
    )
    mine, yours = _tone(persona.tone, language).get("mine", seeds("character", language)["mine"])
    for topic in _topics(persona, language):
        named = re.sub(mine, yours, topic)
        asked = _several([text.replace("{topic}", topic) for text in texts], language, chance, persona)
        yield from (
            [question, refusals[n % len(refusals)].replace("{topic}", named)] for n, question in enumerate(asked)
        )


def _several(questions: Sequence[str], language: str, chance: random.Random, persona: Persona) -> list[str]:
    """`WORDINGS` different ones: the questions as they stand, then in other wordings."""
    found, keep = dict[str, str](), (persona.name, persona.maker, *persona.taboos)
    for text in questions:
        found.setdefault(bare(text), text)
    for _ in range(12 * WORDINGS):
        if len(found) >= WORDINGS:
            break
        text = varied(chance.choice(questions), language, chance, keep)
        found.setdefault(bare(text), text)
    return list(found.values())[:WORDINGS]


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
    return [_as_topic(topic) for topic in persona.taboos if facts.language(topic, persona.languages) == language]


def _as_topic(typed: str) -> str:
    """The topic as sentences name it: one that was typed as a question stands in quotes."""
    asked = typed.rstrip("?？。 ")
    if not asked or not _ASKED.search(typed):
        return typed
    return f"“{asked[0].lower()}{asked[1:]}”"


def contradicted(persona: Persona, texts: Sequence[str]) -> bool:
    """Whether a seed conversation speaks of a taboo, or of something about itself that a fact tells otherwise."""
    for typed in persona.taboos:
        topic = typed.rstrip("?？。 ") or typed
        # A topic of one character stands in many words (see identity): then only the question counts.
        if any(mentions(text, topic) for text in (texts if len(topic) > 1 else texts[:1])):
            return True
    return bool(persona.facts) and _told_otherwise(persona, texts[0])


def _told_otherwise(persona: Persona, question: str) -> bool:
    """Whether a fact answers the question, or speaks of its topic in any of the languages."""
    answered, values, topics = _known(persona)
    if bare(question) in answered:
        return True
    if not _OF_ITSELF.search(question):
        return False
    return any(mentions(question, word) for word in values) or not topics.isdisjoint(_touched(question))


@lru_cache(maxsize=8)
def _known(persona: Persona) -> tuple[set[str], set[str], set[int]]:
    """What the facts answer, the words of their answers, and the topics they touch."""
    own = [fact for language in persona.languages for fact in _facts(persona, language)]
    values = {of[0] for fact in own for _, of in fact.held_out}
    return (
        {bare(text) for fact in own for text in fact.questions},
        {word for word in values if len(word) > 1 and not _OF_ITSELF.search(word)},
        {place for fact in own for text in (fact.answer, *fact.questions) for place in _touched(text)},
    )


def _touched(text: str) -> set[int]:
    """The places of the topics that the text speaks of; a topic has the same place in every language."""
    return {
        place
        for language in LANGUAGES
        for place, words in enumerate(seeds("character", language)["topics"])
        if any(mentions(text, word) for word in words)
    }
