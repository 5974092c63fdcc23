"""Several saved datasets into one: how much of each, in mixed order, the same for the same seed.

Memory does not grow with the rows, only with their number.
"""

from __future__ import annotations

import random
import time
from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training import dataset, exam
from training.errors import UserError
from training.files import write_json
from training.identity import Row
from training.importing import staging
from training.persona import Persona
from training.rows import Rows, writer
from training.tally import Summary, mark, summarise

MOST = 20.0
"""A row may be taken so many times."""
_SHIFT = 40


@dataclass(frozen=True)
class Forecast:
    """What a mix would consist of, by what is known of its parts."""

    rows: int
    identity: int
    others: int
    """Near misses and general conversations."""
    unknown: int
    """Rows of which nobody wrote down what they are about."""
    languages: dict[str, int]
    people: tuple[str, ...]
    """The assistants its parts speak of."""


def forecast(parts: Mapping[str, float]) -> Forecast:
    """What `mix` would make. Raises UserError (mix_*, dataset_missing, dataset_broken)."""
    check(parts)
    counts = {"rows": 0, "identity": 0, "others": 0}
    languages: dict[str, int] = {}
    for name, ratio in parts.items():
        found = summary(name)
        counts["rows"] += round(found.rows * ratio)
        counts["identity"] += round(found.identity * ratio)
        counts["others"] += round((found.near_miss + found.general) * ratio)
        for language, rows in found.languages.items():
            languages[language] = languages.get(language, 0) + round(rows * ratio)
    people = tuple(dict.fromkeys(who["name"] for name in parts if (who := dataset.card(name).get("persona"))))
    unknown = max(0, counts["rows"] - counts["identity"] - counts["others"])
    return Forecast(**counts, unknown=unknown, languages=languages, people=people)


def summary(name: str) -> Summary:
    """What the saved dataset consists of: from its card, where one was written, else counted."""
    try:
        return Summary(**dataset.card(name)["summary"])
    except (KeyError, TypeError):  # not written by this version of this product
        return summarise(dataset.load(name))


Tell = Callable[[int, int], None]
"""Hears how many rows are written, and of how many."""


def mix(
    name: str,
    parts: Mapping[str, float],
    seed: int = 0,
    distinct: bool = False,
    tell: Tell = lambda rows, of: None,
) -> Path:
    """Save dataset `name`: of each part its rows times its ratio (0.5: half of them by chance; 2: each twice).

    `distinct` takes equal rows once. The card keeps the persona when all parts that have one agree.
    Raises UserError (mix_*, dataset_missing, dataset_broken, dataset_name_bad, disk_full).
    """
    dataset.checked_name(name)
    with staging.folder() as place:
        write(place, parts, seed, distinct, tell)
        return dataset.take(name, place)


def write(place: Path, parts: Mapping[str, float], seed: int, distinct: bool, tell: Tell) -> None:
    """Write the mix into the folder `place`, from where dataset.take() makes a dataset of it."""
    check(parts)
    sources = [dataset.load(part) for part in parts]
    order = _order(sources, list(parts.values()), seed)
    if not order:
        raise UserError("mix_empty")
    origin = {"mixed": [_part(part, ratio) for part, ratio in parts.items()], "seed": seed, "distinct": distinct}
    rows = _told(_rows(sources, order), len(order), tell)
    with writer(place) as made:
        for row in _once(rows) if distinct else rows:
            made.add(row)
    write_json(place / "card.json", dataset.card_of(made, _agreed(parts), origin))


def _told(rows: Iterator[Row], of: int, tell: Tell) -> Iterator[Row]:
    told = 0.0
    for number, row in enumerate(rows):
        if time.monotonic() > told + 0.3:
            told = time.monotonic()
            tell(number, of)
        yield row


def check(parts: Mapping[str, float]) -> None:
    """Raises UserError (mix_nothing, mix_ratio, dataset_missing)."""
    if not parts:
        raise UserError("mix_nothing")
    for part, ratio in parts.items():
        dataset.path(part)
        if not 0 < ratio <= MOST:
            raise UserError("mix_ratio", name=part, value=ratio, most=MOST)


def _order(sources: list[Rows], ratios: list[float], seed: int) -> array[int]:
    """Which row of which source comes when, each as one number."""
    chance, order = random.Random(seed), array("Q")
    for number, (rows, ratio) in enumerate(zip(sources, ratios)):
        whole, total = int(ratio), len(rows)
        places = array("Q", range(total)) * whole
        places.extend(chance.sample(range(total), round((ratio - whole) * total)))
        order.extend((number << _SHIFT) + place for place in places)
    chance.shuffle(order)
    return order


def _rows(sources: list[Rows], order: array[int]) -> Iterator[Row]:
    below = (1 << _SHIFT) - 1
    readers = [
        rows.at(array("Q", (each & below for each in order if each >> _SHIFT == number)))
        for number, rows in enumerate(sources)
    ]
    for each in order:
        yield next(readers[each >> _SHIFT])


def _once(rows: Iterator[Row]) -> Iterator[Row]:
    seen: set[int] = set()
    for row in rows:
        known = mark(row)
        if known not in seen:
            seen.add(known)
            yield row


def _part(name: str, ratio: float) -> dict[str, Any]:
    return {"dataset": name, "ratio": ratio, "sha256": dataset.card(name).get("sha256", "")}


def _agreed(parts: Mapping[str, float]) -> Persona | None:
    known = [who for part in parts if (who := exam.persona({"card": dataset.card(part)}))]
    return known[0] if known and all(who == known[0] for who in known) else None
