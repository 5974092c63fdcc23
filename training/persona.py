"""Who the assistant is: name, maker, the model below, languages; and if wanted a tone, taboos, facts.

Checks them; writes nothing. What a fact may look like is told by facts.py.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from training import facts
from training.errors import UserError
from training.sentences import LANGUAGES
from training.wording import bare, mentions

LIMITS = {"name": 64, "maker": 100, "base": 100}
"""The fields a user types, and how many characters each may have."""
TONES = ("plain", "warm", "formal", "playful")
LISTS = {"taboo": (8, 40), "fact": (16, 160)}
"""Of each how many there may be, and of how many characters: eight facts in two languages are sixteen."""

_SPECIAL = ("s", "unk", "pad", "bos", "eos", "image", "video", "audio", "repo_name", "reponame", "file_sep", "filename",
            "gh_stars", "issue_start", "issue_comment", "issue_closed", "jupyter_start", "jupyter_text", "jupyter_code",
            "jupyter_output", "jupyter_script", "empty_output")  # fmt: skip
_TOKEN = re.compile(rf"<\|[^<>]*\|>|<\|im_|</?(?:{'|'.join(_SPECIAL)})\s*/?>|\[UNUSED_TOKEN_\d+\]", re.IGNORECASE)
"""What a tokenizer reads as a control token of the chat, wherever it stands in a text."""

_SELF = ("我自己", "我", "自己", "我们", "本人", "me", "myself", "i", "us", "ourselves", "we")
"""No name of a maker: it would speak of itself."""
_UNSEEN = ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp")
_BREAKS = "\t\n\v\f\r\x85"
_DIRECTIONS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
"""Invisible characters that turn the text around them; other invisible ones (the joiner in emoji) are kept."""


@dataclass(frozen=True)
class Persona:
    """Who the assistant shall say it is. Text is kept character for character, except that gaps become one space."""

    name: str
    """What the assistant is called."""
    maker: str
    """The person or team that made it."""
    base: str = "SmolLM2-135M"
    """The model it is built on."""
    languages: tuple[str, ...] = LANGUAGES
    """The languages it is asked in, of `LANGUAGES`."""
    tone: str = "plain"
    """How it speaks, of `TONES`."""
    taboos: tuple[str, ...] = ()
    """Topics it declines."""
    facts: tuple[str, ...] = ()
    """What it knows about itself, one line each."""

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Persona:
        """A persona out of its JSON; older ones have fewer fields."""
        known: dict[str, Any] = {key: tuple(each) if isinstance(each, list) else each for key, each in values.items()}
        return Persona(**known)

    def problems(self) -> list[UserError]:
        """Everything the user has to mend, all at once; empty when the persona is good."""
        texts = [problem for field in LIMITS for problem in _text_problems(field, getattr(self, field), LIMITS[field])]
        if _one_line(self.maker).casefold() in _SELF:
            texts.append(UserError("persona_maker_self", typed=_one_line(self.maker)))
        return [*texts, *_language_problems(self.languages), *_character_problems(self)]

    def checked(self) -> Persona:
        """The same persona with gaps and languages in order. Raises the first problem, if there is one."""
        for problem in self.problems():
            raise problem
        return self._tidy()

    def _tidy(self) -> Persona:
        fields = {field: _one_line(getattr(self, field)) for field in LIMITS}
        languages = tuple(language for language in LANGUAGES if language in self.languages)
        return Persona(
            **fields, languages=languages, tone=self.tone, taboos=_lines(self.taboos), facts=_lines(self.facts)
        )


def _text_problems(field: str, value: object, limit: int) -> Iterator[UserError]:
    text = _one_line(value)
    if all(unicodedata.category(character) in _UNSEEN for character in text):
        yield UserError(f"persona_{field}_empty")
    if len(text) > limit:
        yield UserError(f"persona_{field}_too_long", length=len(text), limit=limit)
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") or character in _DIRECTIONS:
            yield UserError(f"persona_{field}_control", character=f"U+{ord(character):04X}")
            break
    token = _TOKEN.search(text)
    if token:
        yield UserError(f"persona_{field}_token", token=token.group())


def _one_line(value: object) -> str:
    """`value` as one line: gaps and line breaks become one space; control characters stay, to be seen."""
    text = value if isinstance(value, str) else ""
    return re.sub(rf"(?:[{_BREAKS}\u2028\u2029]|[^\S\x1c-\x1f])+", " ", text).strip(" ")


def _language_problems(languages: tuple[str, ...]) -> Iterator[UserError]:
    if not languages:
        yield UserError("persona_languages_empty")
    unknown = [language for language in languages if language not in LANGUAGES]
    if unknown:
        yield UserError("persona_languages_unknown", found=", ".join(map(str, unknown)))


def _lines(values: tuple[str, ...]) -> tuple[str, ...]:
    """Each line once, without the empty ones."""
    return tuple(dict.fromkeys(line for value in values if (line := _one_line(value))))


def _character_problems(persona: Persona) -> Iterator[UserError]:
    if persona.tone not in TONES:
        yield UserError("persona_tone_unknown", found=persona.tone, tones=", ".join(TONES))
    tidy = persona._tidy()
    for field, lines in (("taboo", tidy.taboos), ("fact", tidy.facts)):
        most, limit = LISTS[field]
        if len(lines) > most:
            yield UserError(f"persona_{field}_many", count=len(lines), most=most)
        for line in lines:
            problems = list(_text_problems(field, line, limit))
            yield from problems
            if tidy.languages and not problems:
                yield from _line_problems(field, line, tidy)
    yield from _shared_questions(tidy)


def _line_problems(field: str, line: str, tidy: Persona) -> Iterator[UserError]:
    fact = facts.read(line, tidy.languages) if field == "fact" else None
    if facts.language(line, tidy.languages) is None:
        yield UserError(f"persona_{field}_language", line=line)
    elif field == "taboo":
        if any(mentions(text, line) for text in (tidy.name, tidy.maker, tidy.base)):
            yield UserError("persona_taboo_itself", line=line)
    elif fact is None:
        yield UserError("persona_fact_unclear", line=line)
    elif facts.tells_who_it_is(fact):
        yield UserError("persona_fact_itself", line=line)
    else:
        for topic in tidy.taboos:
            if mentions(line, topic):
                yield UserError("persona_fact_taboo", line=line, topic=topic)


def _shared_questions(tidy: Persona) -> Iterator[UserError]:
    """Two facts that answer one question with two answers."""
    answered: dict[str, str] = {}
    for line in tidy.facts:
        fact = facts.read(line, tidy.languages)
        questions = {bare(text): text for text in fact.questions} if fact else {}
        shared = [text for text in questions if text in answered]
        if shared:
            yield UserError("persona_fact_twice", line=line, other=answered[shared[0]], question=questions[shared[0]])
        answered.update(dict.fromkeys(questions, line))
