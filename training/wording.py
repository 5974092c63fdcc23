"""Other ways to ask the same (an opener, another register, a slip of the keyboard, another script or width), and
what two wordings have in common.

Pure text, the same for the same chance. What is asked stays as it is, so that the answer stays true.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

_OPENERS = {
    "zh": ("请问", "我想知道，", "你好，", "问一下，", "麻烦问下，", "诶，", "对了，"),
    "en": ("Hi, ", "Hey, ", "Please tell me: ", "Quick question: ", "Hello, ", "By the way, ", "One more thing: "),
}
_ASKING = ("请问", "我想知道，", "问一下，", "麻烦问下，")
"""Openers of questions only."""
_REQUEST = re.compile("所以|我|介绍|简单|简短|讲|说|聊|谈|告诉|给|跟")
"""What begins like this is no question."""
_POLITE = ("请", "你好", "麻烦", "Please", "Can you", "Could you", "Hi", "Hello")
"""What begins like this needs no opener."""
_FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}


def bare(text: str) -> str:
    """The text without case, width, punctuation and gaps: what two wordings that say the same have in common."""
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if unicodedata.category(c)[0] in "LN")


def mentions(text: str, word: str) -> bool:
    """Whether `word` stands in `text`: letters only as a whole word, in either case; a single letter in its own."""
    letter = "[0-9A-Za-z\u00c0-\u04ff]"
    before = f"(?<!{letter})" if re.match(letter, word) else ""
    after = f"(?!{letter})" if re.search(f"{letter}$", word) else ""
    flags = re.IGNORECASE if len(word) > 1 else 0
    return re.search(before + re.escape(word) + after, text, flags) is not None


def varied(text: str, language: str, chance: random.Random, keep: tuple[str, ...] = ()) -> str:
    """Another wording of the question `text`. The words in `keep` (names) are left as they are written."""
    manner = chance.choices(_MANNERS, _OFTEN)[0]
    found = manner(text, language, chance)
    # A name must not be spelled otherwise; an opener before it does no harm.
    return found if all(word in found for word in keep if word in text) else _opened(text, language, chance)


def _opened(text: str, language: str, chance: random.Random) -> str:
    if text.startswith(_POLITE):
        return _ended(text, language, chance)
    openers: tuple[str, ...] = _OPENERS[language]
    if language == "zh":
        no_question = _REQUEST.match(text)
        return chance.choice([opener for opener in openers if not (no_question and opener in _ASKING)]) + text
    first = text.split(" ", 1)[0]
    if first.casefold().partition("'")[0] not in QUESTION_WORDS:
        return _ended(text, language, chance)
    return chance.choice(openers) + (text[0].lower() + text[1:] if first.istitle() else text)


QUESTION_WORDS = frozenset(
    ("who", "whom", "whose", "what", "which", "where", "when", "why", "how", "is", "are", "was", "were", "am", "do",
     "does", "did", "can", "could", "will", "would", "shall", "should", "may", "have", "has", "had", "in", "by", "on")
)  # fmt: skip


def _ended(text: str, language: str, chance: random.Random) -> str:
    """Without its mark at the end, or with another."""
    bare = text.rstrip("？?。.！! ") or text
    return bare + chance.choice(("", "？", "?", "？？") if language == "zh" else ("", "?", "??", " ?"))


def _casual(text: str, language: str, chance: random.Random) -> str:
    """As it is typed in a hurry."""
    return _ended(text, language, chance) if language == "zh" else (text.rstrip("?.! ") or text).lower()


def _mistyped(text: str, language: str, chance: random.Random) -> str:
    """Two neighbouring letters change places; in Chinese a gap comes in."""
    if language == "zh":
        at = chance.randrange(1, max(2, len(text)))
        return text if _inside_word(text, at) else f"{text[:at]} {text[at:]}"
    places = [at for at in range(1, len(text) - 2) if text[at].isalpha() and text[at + 1].isalpha()]
    if not places:
        return text
    at = chance.choice(places)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _inside_word(text: str, at: int) -> bool:
    return text[at - 1].isascii() and text[at : at + 1].isascii()


def _in_other_width(text: str, language: str, _: random.Random) -> str:
    """Chinese marks at half width, Latin letters at full width."""
    if language == "zh":
        return text.translate(str.maketrans("？，！。", "?,!."))
    return text.translate(_FULL_WIDTH)


def _traditional(text: str, language: str, chance: random.Random) -> str:
    return _converter().convert(text) if language == "zh" else _casual(text, language, chance)


@cache
def _converter() -> Any:
    from opencc import OpenCC  # its tables take a moment

    return OpenCC("s2tw")  # 吃, 為, 裡 and not 喫, 爲, 裏


_MANNERS: tuple[Callable[[str, str, random.Random], str], ...] = (
    _opened,
    _ended,
    _casual,
    _mistyped,
    _in_other_width,
    _traditional,
)
_OFTEN = (8, 5, 4, 2, 1, 2)
