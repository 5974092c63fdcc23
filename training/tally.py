"""What a set of conversations consists of, in numbers, counted one row at a time: a million rows cost 8 MB."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

from training.identity import Row


@dataclass(frozen=True)
class Summary:
    """What a set of conversations consists of, in numbers."""

    rows: int
    unique: int
    repeated: int
    identity: int
    near_miss: int
    general: int
    languages: dict[str, int]
    characters: int
    most_repeated: int = 1
    """How often the row is there that is there most often."""


class Tally:
    """Counts rows as they come."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()
        self._languages: Counter[str] = Counter()
        self._characters = 0
        self._marks = array("Q")

    def add(self, row: Row) -> int:
        """Count one row. Returns what stands for its text: equal rows have equal numbers."""
        self._kinds[row.kind] += 1
        self._languages[row.language] += 1
        self._characters += sum(len(message["content"]) for message in row.messages)
        self._marks.append(mark(row))
        return self._marks[-1]

    def summary(self) -> Summary:
        """The counts of all rows so far."""
        import numpy  # a tenth of a second, which not everybody has to pay

        times = numpy.unique(numpy.frombuffer(self._marks, dtype=numpy.uint64), return_counts=True)[1]
        return Summary(
            rows=len(self._marks),
            unique=len(times),
            repeated=len(self._marks) - len(times),
            identity=self._kinds["identity"],
            near_miss=self._kinds["near_miss"],
            general=self._kinds["general"],
            languages=dict(sorted(self._languages.items())),
            characters=self._characters,
            most_repeated=int(numpy.max(times, initial=0)),
        )


def mark(row: Row) -> int:
    """A number that stands for the row's text. (Two of ten million rows share one by chance in 3 of 1,000,000 sets.)"""
    text = "\x1e".join(f"{message['role']}\x1f{message['content']}" for message in row.messages)
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def summarise(rows: Iterable[Row]) -> Summary:
    """Count rows, repeats, kinds and languages."""
    tally = Tally()
    for row in rows:
        tally.add(row)
    return tally.summary()
