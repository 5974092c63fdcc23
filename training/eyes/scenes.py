"""What is to be seen in a picture of the example set: one to four alike shapes of a colour. Draws nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

COLOURS = ("red", "yellow", "green", "blue", "black", "purple")
SHAPES = ("circle", "square", "triangle", "star")
PLACES = ("left", "right", "top", "bottom", "middle")
COUNTS = (1, 2, 3, 4)
BACKGROUNDS = ("#ffffff", "#f2efe6", "#e6eef2", "#ececec")

_CENTRES = {"left": (26, 50), "right": (74, 50), "top": (50, 26), "bottom": (50, 74), "middle": (50, 50)}
_CORNERS = ((27, 27), (73, 27), (27, 73), (73, 73))


@dataclass(frozen=True)
class Scene:
    """One picture in words and numbers."""

    colour: str
    shape: str
    place: str
    """Where the shape is, of `PLACES`; "" where there are several."""
    figures: tuple[tuple[int, int, int, int], ...]
    """Each shape's centre and radius in hundredths of the side, and its turn in degrees."""
    background: str

    @property
    def count(self) -> int:
        return len(self.figures)


def scenes(count: int, seed: int) -> list[Scene]:
    """`count` different scenes, the same for the same arguments: every colour, shape, place and number as often."""
    chance = random.Random(seed)
    found: dict[Scene, None] = {}
    kinds = _kinds(chance)
    while len(found) < count:
        found.setdefault(_scene(*next(kinds), chance))
    return list(found)


def _kinds(chance: random.Random) -> Iterator[tuple[str, str, int, str]]:
    """Of three pictures two have a single shape: only there a place can be asked for."""
    turn = 0
    while True:
        pairs = [(colour, shape) for colour in COLOURS for shape in SHAPES]
        chance.shuffle(pairs)
        for colour, shape in pairs:
            several = turn % 3 == 2
            number = COUNTS[1 + turn // 3 % 3] if several else 1
            yield colour, shape, number, "" if several else PLACES[turn % len(PLACES)]
            turn += 1


def _scene(colour: str, shape: str, count: int, place: str, chance: random.Random) -> Scene:
    figures = []
    for x, y in [_CENTRES[place]] if place else chance.sample(_CORNERS, count):
        radius = chance.randint(15, 19) if place else chance.randint(13, 17)
        turn = chance.choice((0, 0, -15, 15))
        figures.append((x + chance.randint(-4, 4), y + chance.randint(-4, 4), radius, turn))
    return Scene(colour, shape, place, tuple(figures), chance.choice(BACKGROUNDS))
