"""Every sentence the product says, from one table per language: assets/i18n/{zh,en}.json."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

LANGUAGES = ("zh", "en")
_FOLDER = Path(__file__).resolve().parent.parent / "assets" / "i18n"


@cache
def table(language: str) -> dict[str, str]:
    """All sentences of one language, by key."""
    return json.loads((_FOLDER / f"{language}.json").read_text(encoding="utf-8"))


def sentence(key: str, language: str = "en", /, **details: object) -> str:
    """The sentence `key` in `language` with its `{details}` filled in. Raises KeyError for an unknown key."""
    text = table(language)[key]
    return text.format(**details) if details else text
