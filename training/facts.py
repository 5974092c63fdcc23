"""A fact a user typed, in one line, becomes questions and their answer. Pure text.

Three ways to type one: a question with its answer ("When is your birthday? On May 1."), "key: value", or a sentence
about itself of a kind that is known ("I was born in Shanghai in 2024"; assets/seeds/character.*.json has them). What
fits none of them has no question that we could vouch for, and is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from training.seeds import seeds

Asked = tuple[str, tuple[str, ...]]
"""A question, and the words of which a true answer has one."""

_WIDE = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_END = " .。!！;；,，?？"
_LATIN_FIRST = ("what", "who", "when", "where", "which", "how", "in", "is", "are", "do", "can", "why")


@dataclass(frozen=True)
class Fact:
    """What the assistant knows about itself, and how one asks for it."""

    language: str
    answer: str
    questions: tuple[str, ...]
    """To learn from."""
    held_out: tuple[Asked, ...]
    """For the exam: other wordings."""


def language(text: str, spoken: tuple[str, ...]) -> str | None:
    """The language a line is taken up in, of those that are spoken; None for Chinese where no Chinese is."""
    if _WIDE.search(text):
        return "zh" if "zh" in spoken else None
    return "en" if "en" in spoken else "zh"


@lru_cache(maxsize=64)
def read(line: str, spoken: tuple[str, ...]) -> Fact | None:
    """The fact in `line`; None when nobody can tell what it answers."""
    found = language(line, spoken)
    if found is None:
        return None
    texts = seeds("character", found)
    asked = re.fullmatch(r"(.+?[?？])\s*(\S.*)", line)
    if asked:
        return _framed(found, _sentence(asked[2], found), [(asked[1], (asked[2].strip(_END),))])
    pair = re.fullmatch(r"(?!https?:)([^:：?？]{1,40})[:：]\s*(\S.*)", line)
    if pair:
        return _keyed(found, _key(pair[1]), pair[2].strip(_END))
    said = line.strip(_END)
    for kind in texts["sentences"]:
        match = re.fullmatch(kind["is"], said)
        if match and kind.get("key"):
            return _keyed(found, _key(match["key"]), match["value"])
        questions = list(_questions(kind, match, said, texts)) if match else []
        if questions:
            return _framed(found, _sentence(line, found), questions)
    return None


def _key(text: str) -> str:
    key = re.sub(r"^(?:我的|你的|my |your )", "", text.strip(), flags=re.IGNORECASE)
    capital = key[:1].isupper() and (len(key) == 1 or key[1:2].islower())
    return key[0].lower() + key[1:] if capital and not _WIDE.search(key) else key


def _sentence(text: str, language: str) -> str:
    """The text with a mark at its end."""
    text = text.strip()
    return text if text[-1:] in ".。!！?？" else text + ("。" if language == "zh" else ".")


def _keyed(language: str, key: str, value: str) -> Fact | None:
    if not key or not value:
        return None
    texts = seeds("character", language)
    many = key.endswith("s") and not key.endswith(("ss", "us", "is"))

    def filled(text: str) -> str:
        parts = {"{key}": key, "{value}": value, "{is}": "are" if many else "is"}
        return re.sub(r"\{(?:key|value|is)\}", lambda found: parts[found.group()], text)

    asked = texts["key_questions"]
    held_out = tuple((filled(text), (value,)) for text in asked["held_out"])
    return Fact(language, filled(texts["key_answer"]), tuple(map(filled, asked["training"])), held_out)


def _questions(kind: dict[str, Any], match: re.Match[str], said: str, texts: dict[str, Any]) -> Iterator[Asked]:
    """The questions that a known kind of sentence answers; "when" and "where" only where it says so."""
    parts = {name: text or "" for name, text in match.groupdict().items()}
    for name in ("when", "where"):
        words = tuple(found[-1].strip() for found in _found(texts[name], said)) if name in kind else ()
        yield from ((question.format(**parts), words) for question in kind.get(name, ()) if words)
    yield from ((question.format(**parts), (parts["value"].strip(_END),)) for question in kind.get("questions", ()))


def _found(pattern: str, text: str) -> list[tuple[str, ...]]:
    return [(match.group(), *match.groups()) for match in re.finditer(pattern, text)]


def _framed(language: str, answer: str, asked: list[Asked]) -> Fact:
    """For questions that stand for themselves, the exam's other wordings are other openings."""
    frames = seeds("character", language)["frames"]
    held_out = [
        (_in_frame(frame, asked[n % len(asked)][0]), asked[n % len(asked)][1]) for n, frame in enumerate(frames)
    ]
    return Fact(language, answer, tuple(question for question, _ in asked), tuple(held_out))


def _in_frame(frame: str, question: str) -> str:
    lowered = question.split(" ", 1)[0].casefold() in _LATIN_FIRST
    return frame.replace("{question}", question[0].lower() + question[1:] if lowered else question)
