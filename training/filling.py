"""A seed text for a persona: filled in, or left out where it would contradict what is to be learned."""

from __future__ import annotations

import re
from collections.abc import Iterable

from training import character
from training.persona import Persona
from training.wording import mentions

_BRANDS = (
    ("OpenAI",), ("ChatGPT",), ("Google", "谷歌"), ("Gemini",), ("Microsoft", "微软"), ("Meta",),
    ("百度", "Baidu"), ("文心一言", "ERNIE"), ("阿里巴巴", "阿里", "Alibaba"), ("通义千问", "Qwen"),
    ("Siri",), ("Alexa",), ("DeepSeek",), ("Kimi",), ("豆包", "Doubao"), ("小爱同学",), ("Claude",), ("智谱", "Zhipu"),
)  # fmt: skip
"""Whom the seeds deny to be, or to be made by; each in its spellings."""
_PLACEHOLDER = re.compile(r"\{(name|maker|base)\}")


def filled(text: str, persona: Persona) -> str:
    """The seed with the persona in it, in one pass: what a user typed is never read as a placeholder."""
    return _PLACEHOLDER.sub(lambda found: getattr(persona, found.group(1)), text)


def otherwise(question: str, persona: Persona) -> bool:
    """Whether a fact or a taboo of the persona gives this question another answer than the seeds do."""
    return character.contradicted(persona, [_PLACEHOLDER.sub(" ", question)])


def by_chance(persona: Persona, question: str, answers: Iterable[str]) -> bool:
    """Whether a seed speaks of its name, its maker or a taboo by chance: it would contradict what is to be learned."""
    asked, *told = [_PLACEHOLDER.sub(" ", text) for text in (question, *answers)]
    if (
        _part_of_it(persona, asked)
        or mentions(asked, persona.maker)
        or mentions(asked, persona.name)
        or character.contradicted(persona, [asked, *told])
    ):
        return True
    # One character (明) is found inside many words (明天): then only the question counts, or little would be left.
    return any(len(word) > 1 and mentions(text, word) for word in (persona.name, persona.maker) for text in told)


def _part_of_it(persona: Persona, asked: str) -> bool:
    """Whether a brand in the question is part of its name or maker: Google DeepMind is not denied to be Google's."""
    own = f"{persona.name}\n{persona.maker}"
    return any(
        any(mentions(asked, word) for word in brand) and any(mentions(own, word) for word in brand) for brand in _BRANDS
    )
