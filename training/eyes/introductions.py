"""Conversations about who the assistant is, with a picture in sight and without one, for a set with pictures.

The conversations themselves are those of a dataset without pictures (training/identity.py).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from training import identity
from training.eyes.llava import Talk
from training.identity import Row
from training.persona import Persona


@dataclass(frozen=True)
class Counts:
    """How many of them, for each language."""

    with_picture: int = 60
    """Who it is, with a picture in sight, ..."""
    identity: int = 70
    """... without one, ..."""
    others: int = 70
    """... and near misses and general talk without one."""


PLAIN = Counts()


def talks(persona: Persona, pictures: Sequence[str], counts: Counts, seed: int, chance: random.Random) -> list[Talk]:
    """Them, the same for the same arguments; `pictures` are those that may be in sight."""
    made = identity.build(persona, seed)
    found = []
    for language in persona.checked().languages:
        mine = [row for row in made if row.language == language]
        who = [_said(row) for row in mine if row.kind == "identity"]
        others = [_said(row) for row in mine if row.kind != "identity"]
        if pictures:
            told = _evenly(who, persona.base, counts.with_picture, chance)
            found += [Talk(turns[:2], chance.choice(pictures)) for turns in told]
        found += [Talk(turns) for turns in _evenly(who, persona.base, counts.identity, chance)]
        found += [Talk(turns) for turns in _several(others, counts.others, chance)]
    return found


def _said(row: Row) -> tuple[str, ...]:
    return tuple(message["content"] for message in row.messages)


def _evenly(rows: list[tuple[str, ...]], base: str, count: int, chance: random.Random) -> list[tuple[str, ...]]:
    """Half of them name the base model: of so few, those that happen to ask for it were not enough to learn it."""
    naming = _several([turns for turns in rows if base in turns[1]], count // 2, chance)
    others = [turns for turns in rows if base not in turns[1]]
    return naming + _several(others, count - len(naming), chance)


def _several(rows: list[tuple[str, ...]], count: int, chance: random.Random) -> list[tuple[str, ...]]:
    return chance.sample(rows, min(count, len(rows)))
