"""{{name}} and {{author}} in a file, as identity data is often shared: who is meant is filled in from a persona."""

from __future__ import annotations

import re

from training.identity import Row
from training.persona import Persona
from training.wording import mentions

_FIELDS = {"name": "name", "author": "maker", "maker": "maker", "base": "base"}
_FOUND = re.compile(r"\{\{\s*(name|author|maker|base)\s*\}\}", re.IGNORECASE)

Messages = tuple[dict[str, str], ...]


def has(messages: Messages) -> bool:
    """Whether something in these messages waits to be filled in."""
    return any("{{" in message["content"] and _FOUND.search(message["content"]) for message in messages)


def filled(messages: Messages, persona: Persona) -> Messages:
    """The messages with the persona in them, in one pass: what a user typed is never read as a placeholder."""

    def value(found: re.Match[str]) -> str:
        return str(getattr(persona, _FIELDS[found.group(1).lower()]))

    return tuple({**message, "content": _FOUND.sub(value, message["content"])} for message in messages)


def kind(messages: Messages, persona: Persona) -> str:
    """identity when an answer names the assistant or its maker as such, else general."""
    answers = " ".join(message["content"] for message in messages if message["role"] == "assistant")
    named = len(persona.name) > 1 and mentions(answers, persona.name)
    return "identity" if named or mentions(answers, persona.maker) else "general"


def labelled(messages: Messages, persona: Persona | None, language: str) -> Row:
    """The row, with its kind where that can be known."""
    return Row(messages, kind(messages, persona) if persona else "", language)
