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
from training.spellings import spellings
from training.wording import QUESTION_WORDS, bare, mentions

Asked = tuple[str, tuple[str, ...]]
"""A question, and the words of which a true answer has one."""

_WIDE = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_END = " .。!！;；,，?？"
_ONE = re.compile(r"(?:.*\b(?:series|news|species|alias|atlas|lens|canvas|gas|\w+ics)|.*(?:ss|us|is))", re.IGNORECASE)
_MANY = re.compile(r".*(?:s|\b(?:children|people|men|women))", re.IGNORECASE)


@dataclass(frozen=True)
class Fact:
    """What the assistant knows about itself, and how one asks for it."""

    language: str
    answer: str
    questions: tuple[str, ...]
    """To learn from."""
    held_out: tuple[Asked, ...]
    """For the exam: other wordings."""
    key: str = ""
    """What it was typed under, if it was ("birthday")."""
    answered: bool = False
    """Typed as a question with its answer, which need not be a sentence."""


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
        return _framed(found, _sentence(asked[2], found), [(asked[1], _true(asked[2], texts))], answered=True)
    pair = re.fullmatch(r"(?!https?:)([^:：?？]{1,40})[:：]\s*(\S.*)", line)
    if pair:
        return _keyed(found, _key(pair[1]), pair[2].strip(_END))
    said = line.strip(_END)
    for kind in texts["sentences"]:
        match = re.fullmatch(kind["is"], said)
        if match and kind.get("key"):
            return _keyed(found, _key(match["key"]), match["value"], match.groupdict().get("verb"))
        questions = list(_questions(kind, match, said, texts)) if match else []
        if questions:
            return _framed(found, _sentence(line, found), questions)
    return None


def tells_who_it_is(fact: Fact) -> bool:
    """Whether it gives the name, the maker or the base: these have fields of their own, and it would contradict them.

    A question that a topic covers (whose boss, where from) may be told otherwise.
    """
    texts, identity = seeds("character", fact.language), seeds("identity", fact.language)["questions"]
    if re.fullmatch(texts["itself"], fact.key, re.IGNORECASE):
        return True
    reserved = {bare(text) for group in ("name", "maker", "base") for text in identity[group]}
    words = [word for topic in texts["topics"] for word in topic]
    free = [text for text in fact.questions if not any(mentions(text, word) for word in words)]
    return fact.answered and any(bare(text) in reserved for text in free)


def _key(text: str) -> str:
    key = re.sub(r"^(?:我的|你的|[我你](?=最|喜欢)|my |your )", "", text.strip(), flags=re.IGNORECASE)
    capital = key[:1].isupper() and (len(key) == 1 or key[1:2].islower())
    return key[0].lower() + key[1:] if capital and not _WIDE.search(key) else key


def _sentence(text: str, language: str) -> str:
    """The text with a mark at its end."""
    text = text.strip()
    return text if text[-1:] in ".。!！?？" else text + ("。" if language == "zh" else ".")


def _true(answer: str, texts: dict[str, Any]) -> tuple[str, ...]:
    """The words of a true answer; a yes or no at its beginning is enough."""
    told = answer.strip(_END)
    first = re.match(rf"(?:{texts['yes_no']})(?=[,，、 ]|$)", told, re.IGNORECASE)
    return tuple(dict.fromkeys((*spellings(told), *([first.group()] if first else []))))


def _keyed(language: str, key: str, value: str, verb: str | None = None) -> Fact | None:
    if not key or not value:
        return None
    texts = seeds("character", language)
    parts = {"{key}": key, "{value}": value, "{is}": verb or ("are" if _is_many(key) else "is")}
    what = [word for word, keys in texts["key_words"].items() if re.search(f"(?<![a-z]){keys}$", key)]
    parts["{what}"] = what[0] if what else "什么" if language == "zh" else "what"
    parts["{What}"] = parts["{what}"].capitalize()

    def filled(text: str) -> str:
        # 你最喜欢的歌 and not 你的最喜欢的歌.
        text = text.replace("的{key}", "{key}") if key.startswith(("最", "喜欢")) else text
        return re.sub(r"\{\w+\}", lambda found: parts[found.group()], text)

    asked = texts["key_questions"]
    held_out = tuple((filled(text), spellings(value)) for text in asked["held_out"])
    return Fact(language, filled(texts["key_answer"]), tuple(map(filled, asked["training"])), held_out, key)


def _is_many(key: str) -> bool:
    return bool(_MANY.fullmatch(key)) and not _ONE.fullmatch(key)


def _questions(kind: dict[str, Any], match: re.Match[str], said: str, texts: dict[str, Any]) -> Iterator[Asked]:
    """The questions that a known kind of sentence answers; "when", "year" and "where" only where it says so."""
    parts = {name: text or "" for name, text in match.groupdict().items()}
    for name, pattern in (("when", texts["when"]), ("year", r"\d{4}"), ("where", texts["where"])):
        told = [found[found.lastindex or 0].strip() for found in re.finditer(pattern, said)] if name in kind else []
        words = tuple(spelling for word in told for spelling in spellings(word))
        yield from ((question.format(**parts), words) for question in kind.get(name, ()) if words)
    for question in kind.get("questions", ()):
        yield question.format(**parts), spellings(parts["value"].strip(_END))


def _framed(language: str, answer: str, asked: list[Asked], answered: bool = False) -> Fact:
    """For questions that stand for themselves, the exam's other wordings are other openings."""
    frames = seeds("character", language)["frames"]
    held_out = [
        (_in_frame(frame, asked[n % len(asked)][0]), asked[n % len(asked)][1]) for n, frame in enumerate(frames)
    ]
    return Fact(language, answer, tuple(question for question, _ in asked), tuple(held_out), answered=answered)


def _in_frame(frame: str, question: str) -> str:
    lowered = question.split(" ", 1)[0].casefold() in QUESTION_WORDS
    return frame.replace("{question}", question[0].lower() + question[1:] if lowered else question)
