"""Who the assistant is: its name, its maker, the model below, the languages. Checks them; writes nothing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from training.errors import UserError
from training.sentences import LANGUAGES

LIMITS = {"name": 64, "maker": 100, "base": 100}
"""The fields a user types, and how many characters each may have."""

_SPECIAL = ("s", "unk", "pad", "bos", "eos", "image", "video", "audio", "repo_name", "reponame", "file_sep", "filename",
            "gh_stars", "issue_start", "issue_comment", "issue_closed", "jupyter_start", "jupyter_text", "jupyter_code",
            "jupyter_output", "jupyter_script", "empty_output")  # fmt: skip
_TOKEN = re.compile(rf"<\|[^<>]*\|>|<\|im_|</?(?:{'|'.join(_SPECIAL)})\s*/?>|\[UNUSED_TOKEN_\d+\]", re.IGNORECASE)
"""What a tokenizer reads as a control token of the chat, wherever it stands in a text."""

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

    def problems(self) -> list[UserError]:
        """Everything the user has to mend, all at once; empty when the persona is good."""
        return [problem for field in LIMITS for problem in _text_problems(field, getattr(self, field))] + list(
            _language_problems(self.languages)
        )

    def checked(self) -> Persona:
        """The same persona with gaps and languages in order. Raises the first problem, if there is one."""
        for problem in self.problems():
            raise problem
        fields = {field: _one_line(getattr(self, field)) for field in LIMITS}
        return Persona(**fields, languages=tuple(language for language in LANGUAGES if language in self.languages))


def _text_problems(field: str, value: object) -> Iterator[UserError]:
    text = _one_line(value)
    if all(unicodedata.category(character) in _UNSEEN for character in text):
        yield UserError(f"persona_{field}_empty")
    if len(text) > LIMITS[field]:
        yield UserError(f"persona_{field}_too_long", length=len(text), limit=LIMITS[field])
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
