"""Whether an answer about a picture is right. Pure text, no torch."""

from __future__ import annotations

import re

from training.eyes.talk import Asked


def is_right(asked: Asked, answer: str) -> bool:
    """The answer has the right word and none of the wrong ones: naming every colour is not knowing one."""
    if asked.kind == "is_it":
        return _begins(answer, asked.right)
    return any(_has(answer, word) for word in asked.right) and not any(_has(answer, word) for word in asked.wrong)


def _begins(answer: str, words: tuple[str, ...]) -> bool:
    # 没有 holds 有, so an answer in Chinese is judged by how it begins, like one in English.
    return any(re.match(rf"\W*{re.escape(word)}(?![a-z])", answer, re.IGNORECASE) is not None for word in words)


def _has(answer: str, word: str) -> bool:
    if word.isascii():
        return re.search(rf"\b{re.escape(word)}\b", answer, re.IGNORECASE) is not None
    return word in answer
