"""run.log as a person wants to read it: the end of it, or the lines that hold a word. Reads, never writes.

A progress bar's hundred states are one line, as on a terminal. Memory stays flat however long the log is.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from training.runs.growing import Growing

FILE = "run.log"
MOST_HITS = 200
"""The newest lines that a search shows."""
_FURTHEST = 4 << 20
"""Bytes from the end in which the last lines are looked for; only a progress bar is longer than that."""
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BAR = re.compile(r"(?P<what>.*?)\d{1,3}%\|")


def tail(folder: Path, characters: int = 20_000) -> str:
    """The end of the log."""
    try:
        with (folder / FILE).open("rb") as file:
            end, taken = file.seek(0, 2), 4 * characters
            while True:
                file.seek(max(0, end - taken))
                text = _collapsed(file.read(taken).decode("utf-8", errors="replace").split("\n"))
                if len(text) >= characters or taken >= min(end, _FURTHEST):
                    return text[-characters:]
                taken *= 4
    except FileNotFoundError:
        return ""


def _collapsed(lines: Iterable[str]) -> str:
    shown: list[str] = []
    for line in lines:
        text = _COLOURS.sub("", line.rstrip("\r").rpartition("\r")[2])
        if shown and _same_bar(shown[-1], text):
            shown.pop()
        shown.append(text)
    return "\n".join(shown)


def _same_bar(before: str, after: str) -> bool:
    bars = _BAR.match(before), _BAR.match(after)
    return bool(bars[0] and bars[1] and bars[0]["what"].strip() == bars[1]["what"].strip())


def search(folder: Path, words: str) -> tuple[int, list[str]]:
    """How often `words` were found in the whole log (small and capital letters alike), and the newest lines with them.

    The first search reads the log once; the next one of the same words only what was added.
    """
    return _search(folder / FILE, words).hits()


@lru_cache(maxsize=16)
def _search(file: Path, words: str) -> _Search:
    return _Search(file, words)


class _Search:
    """What was found so far; shared by all who look for the same."""

    def __init__(self, file: Path, words: str) -> None:
        self._file, self._words = Growing(file), words.encode("utf-8").lower()
        self._count, self._lines = 0, deque[str](maxlen=MOST_HITS)
        self._lock = threading.Lock()

    def hits(self) -> tuple[int, list[str]]:
        with self._lock:
            for first, piece in self._file.added():
                if first:
                    self._count = 0
                    self._lines.clear()
                lowered = piece.lower()
                self._count += lowered.count(self._words)
                for line in reversed(self._newest(piece, lowered)):
                    if self._lines and _same_bar(self._lines[-1], line):
                        self._lines.pop()
                    self._lines.append(line)
            return self._count, list(self._lines)

    def _newest(self, piece: bytes, lowered: bytes) -> list[str]:
        """The last lines of the piece that hold the words, the newest first."""
        found: list[str] = []
        place = lowered.rfind(self._words)
        while place >= 0 and len(found) < MOST_HITS:
            start = max(lowered.rfind(end, 0, place) for end in (b"\n", b"\r")) + 1
            ends = (lowered.find(end, place) for end in (b"\n", b"\r"))
            end = min((each for each in ends if each >= 0), default=len(piece))
            found.append(_COLOURS.sub("", piece[start:end].decode("utf-8", errors="replace")))
            place = lowered.rfind(self._words, 0, start)
        return found
