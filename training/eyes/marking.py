"""Whether an answer about a picture is right. Pure text, no torch."""

from __future__ import annotations

import re

from training.eyes.talk import Asked

_NUMBER = re.compile(
    r"\d+|\b(?:one|two|three|four|five|six|seven|eight|nine|ten)\b|[一二两三四五六七八九十](?![角边字共起些样])",
    re.IGNORECASE,
)
"""Not the three of 三角形, nor the one of 一共."""
_ONE = {"one", "一"}
"""Of "two, each one red"."""


def is_right(asked: Asked, answer: str) -> bool:
    """The answer has the right word and none of the wrong ones: naming every colour is not knowing one."""
    if asked.kind == "is_it":
        return _begins(answer, asked.right)
    if asked.kind == "count":
        first, *others = [number.lower().replace("二", "两") for number in _NUMBER.findall(answer)] or [""]
        return first in asked.right and set(others) <= {*asked.right, *_ONE}
    return any(_has(answer, word) for word in asked.right) and not any(_has(answer, word) for word in asked.wrong)


def _begins(answer: str, words: tuple[str, ...]) -> bool:
    # 没有 holds 有, so an answer in Chinese is judged by how it begins, like one in English.
    return any(re.match(rf"\W*{re.escape(word)}(?![a-z])", answer, re.IGNORECASE) is not None for word in words)


def _has(answer: str, word: str) -> bool:
    if word.isascii():
        return re.search(rf"\b{re.escape(word)}\b", answer, re.IGNORECASE) is not None
    return word in answer
