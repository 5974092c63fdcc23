"""Why one exam answer is wrong, as a short code, or "" when it is right. Pure text, no torch.

An identity sentence is one that gives the assistant's name or maker *as an identity*: "我是小明", "made by Ada",
"Hamlet was written by Robin". A name that is also a word (明 in 发明, Sunny in "a sunny day") is none.
"""

from __future__ import annotations

import re
from functools import lru_cache

from training.persona import Persona
from training.questions import Question
from training.wording import mentions

_QUOTE = "[「『“\"'《*\\s]*"
_CHINESE_BEFORE = "我是|我叫|我就是|我的名字是|我的名字叫|名字叫|名字是|叫做|叫作|名叫|称呼我|叫我|小助手|助手"
_ENGLISH_BEFORE = r"\b(?:I am|I'm|I’m|name is|call me|called|named|assistant,?|is|was|are|by)"
_CHINESE_VERB = "是|叫|为|由"
"""Before these a name is one only where it also ends: 是小米写的 and not 是小米饭."""
_ENDS = "(?=$|[\\W_]|[是的由在写画做造发开提创训])"
_LATIN = re.compile("[A-Za-z\u00c0-\u04ff]")
_WIDE = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_YES = ("是的", "是", "对")
_SAID_YES = re.compile(r"\W*(?:是的|是|对(?!不起))")


def says_name(answer: str, persona: Persona) -> bool:
    """Whether the answer gives the name: a longer name anywhere, a single character only where a name stands."""
    if len(persona.name) > 1:
        return mentions(answer, persona.name)
    return _naming(persona).search(answer) is not None


def has_identity_sentence(answer: str, persona: Persona, base_answer: str = "") -> bool:
    """Whether the answer says who the assistant is, and the base model's answer to the same question does not."""
    found = (
        _naming(persona).search(answer)
        or _making(persona).search(answer)
        or (len(persona.name) > 1 and mentions(answer, persona.name) and mentions(answer, persona.maker))
    )
    return bool(found) and not (base_answer and has_identity_sentence(base_answer, persona))


@lru_cache(maxsize=8)
def _naming(persona: Persona) -> re.Pattern[str]:
    name, maker = _word(persona.name), _word(persona.maker)
    before = f"(?:{_CHINESE_BEFORE}|(?i:{_ENGLISH_BEFORE}))"
    # Between the verb and the name there may be the maker: 我是张三的小助手小明, I am Ada's assistant Robin.
    between = f"(?:{maker}\\s*(?:的|'s|’s)?\\s*(?:小?助手|assistant,?)?)?"
    last = _after_name(persona.name)
    named = f"{_QUOTE}{between}{_QUOTE}{name}"
    return re.compile(f"{before}{named}{last}|(?:{_CHINESE_VERB}){named}{last or _end(persona.name)}")


def _end(name: str) -> str:
    return _ENDS if _WIDE.match(name[-1]) else ""


def _after_name(name: str) -> str:
    # A single character must also end there, or be followed by what may follow a name: 我是明 but not 是明天.
    return "(?=$|[\\W_]|[是的由在，。])" if len(name) == 1 and _WIDE.match(name) else ""


@lru_cache(maxsize=8)
def _making(persona: Persona) -> re.Pattern[str]:
    maker = _word(persona.maker)
    return re.compile(
        f"{maker}\\s*(?:的|开发的|创造的|做的|训练的)小?助手|{maker}(?:'s|’s) assistant"
        f"|(?:由|是|被){_QUOTE}{maker}{_QUOTE}[^，。]{{0,8}}(?:开发|创造|训练|制作|做)"
        f"|{maker}[^，。]{{0,10}}(?:开发|创造|训练|制作|做)[了出]*我|(?:开发者|创造者|作者|主人)(?:是|叫){_QUOTE}{maker}"
        f"|(?i:made|created|built|developed|trained|written|invented|founded|painted) by {_QUOTE}{maker}"
        f"|{maker} (?i:made|created|built|developed|trained) me\\b"
        f"|(?i:maker|creator|developer|author) is {_QUOTE}{maker}"
    )


def _word(text: str) -> str:
    escaped = re.escape(text)
    before = "(?<![A-Za-z0-9])" if _LATIN.match(text[0]) or text[0].isdigit() else ""
    after = "(?![A-Za-z0-9])" if _LATIN.match(text[-1]) or text[-1].isdigit() else ""
    return before + escaped + after


def fault(question: Question, answer: str, base_answer: str, persona: Persona, seen: set[str]) -> str:
    """Why the answer is wrong: no_name, no_maker, no_base, no_fact, parrot, untrue, empty, loops, language, off_topic,
    repeated.

    `seen`: the general answers given before. "" when it is right.
    """
    if not answer:
        return "empty"
    if question.forbid_name and has_identity_sentence(answer, persona, base_answer):
        return "parrot"
    if question.kind == "identity":
        return _identity_fault(question, answer, persona)
    if question.kind == "near_miss":
        return "" if _is_true(answer, question.any_of, persona) else "untrue"
    if loops(answer):
        return "loops"
    if not _right_language(question.language, answer, base_answer):
        return "language"
    if question.any_of and not any(mentions(answer, word) for word in question.any_of):
        return "off_topic"
    return "repeated" if answer in seen else ""


def _identity_fault(question: Question, answer: str, persona: Persona) -> str:
    if question.expect_name and not says_name(answer, persona):
        return "no_name"
    if question.expect_maker and not mentions(answer, persona.maker):
        return "no_maker"
    if question.any_of and not any(mentions(answer, word) for word in question.any_of):
        return "no_base" if question.any_of == (persona.base,) else "no_fact"
    return ""


def _is_true(answer: str, words: tuple[str, ...], persona: Persona) -> bool:
    if set(words) & set(_YES):
        # 不是 holds 是: a yes begins with it, or says who it is without denying anything.
        return bool(_SAID_YES.match(answer)) or ("不是" not in answer and says_name(answer, persona))
    return not words or any(mentions(answer, word) for word in words)


def loops(text: str) -> bool:
    """Whether the text repeats itself: one run of 4 to 24 characters three times, one after the other or nearly."""
    flat = re.sub(r"\s+", " ", text)
    return re.search(r"(.{4,24}?)(?:.{0,3}\1){2}", flat, re.DOTALL) is not None


def _right_language(language: str, answer: str, base_answer: str) -> bool:
    wanted = _is_chinese(answer) == (language == "zh")
    # A question whose answer is a number, or a foreign word ("bye"), has no language of its own.
    short = len(_LATIN.findall(answer)) + len(_WIDE.findall(answer)) < 6
    return wanted or short or (bool(base_answer) and _is_chinese(answer) == _is_chinese(base_answer))


def _is_chinese(text: str) -> bool:
    # A Chinese character says about as much as four letters.
    return 4 * len(_WIDE.findall(text)) > len(_LATIN.findall(text))
