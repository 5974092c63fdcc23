"""One pass through what was dropped: pictures are kept, rows find theirs, and everything else gets a sentence.

It works in a folder of its own, where it leaves images/ and taken.json; what becomes of them is album.py's business.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from training.errors import UserError
from training.eyes import llava
from training.eyes.gathering import keeping, rows, sources
from training.eyes.gathering.archive import Piece
from training.eyes.gathering.problem import problem
from training.eyes.gathering.shelf import Shelf
from training.eyes.gathering.taken import Kept, Taken, Waiting
from training.eyes.llava import Talk

MOST_PROBLEMS = 5000
"""That are kept, each; the others are counted only."""

Tell = Callable[[int, int], None]
"""Hears how many of how many files have been looked at."""


def take(
    given: Sequence[Path],
    folder: Path,
    there: Mapping[str, Kept],
    waiting: Sequence[Waiting],
    tell: Tell,
    beside: Path | None = None,
) -> Taken:
    """Look at everything in `given`; `there` and `waiting` are what an album has of pictures and of rows without one.

    `beside`: a folder where a picture that a row names may lie, too; the others in it are not taken.
    Raises UserError (disk_full, not_writable). OSError where a file cannot be read.
    """
    work = _Taking(folder, there, tell, beside)
    with tempfile.TemporaryDirectory(dir=folder, prefix="unpacked.") as place:
        pieces = sources.pieces(given, Path(place), work.refuse)
        lists = [piece for piece in pieces if sources.is_list(piece)]
        work.total = len(pieces)
        for piece in pieces:
            if not sources.is_list(piece):
                work.picture(piece)
        for each in waiting:
            work.row(each.file, each.row, each.talk)
        for piece in _meant(lists):
            work.list(piece)
    taken = work.ended()
    taken.write(folder)
    return taken


def _meant(lists: list[Piece]) -> list[Piece]:
    """Without what lies beside a llava.json of our own making: its rows are all there is to learn from."""
    own = {os.path.dirname(piece.name) for piece in lists if os.path.basename(piece.name) == "llava.json"}
    beside = ("captions.json", "exam.json", "card.json")
    return [
        piece for piece in lists if os.path.basename(piece.name) not in beside or os.path.dirname(piece.name) not in own
    ]


class _Taking:
    def __init__(self, folder: Path, there: Mapping[str, Kept], tell: Tell, beside: Path | None) -> None:
        self.folder, self._beside = folder, beside
        self.total, self._done, self._tell, self._told = 0, 0, tell, 0.0
        self._taken, self._repairs = Taken(), Counter[str]()
        self._talks = Counter[Talk]()
        self._names, self._marks, self._shelf = keeping.Names(there), dict[str, str](), Shelf()
        for path, kept in there.items():
            self._marks[kept.mark] = path
            self._shelf.put(kept.name, path)
            self._shelf.put(path, path)

    def refuse(self, file: str, error: UserError, row: int = 0) -> None:
        """Note why something is left out."""
        self._taken.bad += 1
        if len(self._taken.problems) < MOST_PROBLEMS:
            self._taken.problems.append(problem(file, row, error))

    def picture(self, piece: Piece) -> None:
        """Keep a picture, unless it is there already."""
        self._go_on()
        try:
            mark = keeping.fingerprint(piece.file)
            if mark in self._marks:
                self._taken.known += 1
            else:
                self._marks[mark] = self._keep(piece, mark)
            self._shelf.put(piece.name, self._marks[mark])
        except UserError as error:
            if error.code in ("disk_full", "not_writable"):
                raise
            said = keeping.refused(piece.file, piece.name) or UserError(
                error.code, **{**error.details, "file": piece.name}
            )
            self._shelf.put(piece.name, said)
            self.refuse(piece.name, said)

    def _keep(self, piece: Piece, mark: str) -> str:
        wanted = self._names.new(piece.name)
        place = self.folder / f"{wanted}.x"  # the ending takes the place of .x: the name may hold a dot
        place.parent.mkdir(parents=True, exist_ok=True)
        ending, repairs = keeping.keep(piece.file, place)
        path = f"{wanted}{ending}"
        self._taken.pictures[path] = Kept(piece.name, mark)
        self._repairs.update(repairs)
        return path

    def list(self, piece: Piece) -> None:
        """Take the rows of a list."""
        self._go_on()
        before = self._taken.bad + self._talks.total()
        try:
            for number, found in rows.read(piece):
                if isinstance(found, UserError):
                    self.refuse(piece.name, found, number)
                else:
                    self.row(piece.name, number, found)
            if before == self._taken.bad + self._talks.total():
                raise UserError("gather_list", file=piece.name)
        except UserError as error:
            self.refuse(piece.name, UserError(error.code, **{**error.details, "file": piece.name}))

    def row(self, file: str, number: int, talk: Talk) -> None:
        """Take a row whose talk is good: its picture is found, or awaited, or cannot be used."""
        try:
            image = self._found(talk.image) if talk.image else ""
        except UserError as error:
            if error.code == "picture_awaited":
                self._taken.waiting.append(Waiting(file, number, talk))
            self.refuse(file, error, number)
            return
        self._talks[replace(talk, image=image)] += 1

    def _found(self, name: str) -> str:
        """Where a picture is kept that a row calls so, if need be after a look beside the list."""
        try:
            return self._shelf.find(name)
        except UserError as error:
            place = llava.inside(self._beside, name) if self._beside and error.code == "picture_awaited" else None
            if not place or not place.is_file():
                raise
        self.picture(Piece(name, place))
        return self._shelf.find(name)

    def ended(self) -> Taken:
        """All of it."""
        self._taken.talks = list(self._talks)
        self._taken.rows = self._talks.total()
        self._taken.times = max(self._talks.values(), default=1)
        self._taken.repairs = dict(self._repairs)
        return self._taken

    def _go_on(self) -> None:
        self._done += 1
        if time.monotonic() > self._told + 0.3:
            self._told = time.monotonic()
            self._tell(self._done, self.total)
