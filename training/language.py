"""Which language a conversation is in, as far as its letters tell: zh, en, or other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_WIDE = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_PLAIN = re.compile("[A-Za-z]")
_OTHER = re.compile("[\u00c0-\u024f\u0370-\u06ff\u0900-\u0dff\u0e00-\u0e7f\u3041-\u30ff\uac00-\ud7af]")
"""Accents and other alphabets: Greek to Arabic, the scripts of India, Thai, Japanese syllables, Korean."""
_READ = 160
"""Characters of a message that are enough to tell."""


def language_of(messages: Iterable[Mapping[str, str]]) -> str:
    """zh, en or other. A Chinese character says about as much as four letters."""
    text = " ".join([message["content"][:_READ] for message in messages if message["role"] != "system"][:4])
    if text.isascii():
        return "en" if _PLAIN.search(text) else "other"
    wide, plain, other = (len(pattern.findall(text)) for pattern in (_WIDE, _PLAIN, _OTHER))
    if 20 * other > 4 * wide + plain:
        return "other"
    return "zh" if 4 * wide > plain else "en" if plain else "other"
