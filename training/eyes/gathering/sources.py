"""Files, folders and zips that somebody names or drops, as one list of pieces, each with the path its owner knows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from training.errors import UserError
from training.eyes.gathering import archive
from training.eyes.gathering.archive import Piece, Told

LISTS = (".json", ".jsonl", ".csv", ".tsv", ".xlsx")
"""What a list of rows may end with."""
_OTHER_ARCHIVES = (".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz")


def pieces(sources: Sequence[Path], folder: Path, told: Told) -> list[Piece]:
    """Everything in them; zips are unpacked into `folder`. What cannot be taken is told, and the rest goes on.

    Raises UserError (disk_full, not_writable).
    """
    found: list[Piece] = []
    for number, source in enumerate(sources):
        if source.is_dir():
            found += _in_folder(source, told)
            continue
        try:
            found += _of_file(source, folder / str(number), told)
        except UserError as error:
            if error.code in ("disk_full", "not_writable"):
                raise
            told(source.name, error)
    return found


def _of_file(source: Path, folder: Path, told: Told) -> list[Piece]:
    if not source.is_file():
        raise UserError("gather_missing", file=source)
    if source.name.lower().endswith(_OTHER_ARCHIVES):
        raise UserError("gather_archive", file=source.name)
    if archive.is_zip(source) and not source.name.lower().endswith(".xlsx"):
        folder.mkdir(parents=True)
        return archive.unpack(source, folder, told)
    return [Piece(source.name, source)]


def _in_folder(source: Path, told: Told) -> list[Piece]:
    """All files below, in order; a link is followed to a file only, and only inside."""
    found, top = [], source.resolve()
    for place, folders, files in os.walk(source):
        folders.sort()
        for file in sorted(files):
            path = Path(place, file)
            name = path.relative_to(source).as_posix()
            if archive.is_litter(name):
                continue
            if not path.resolve().is_relative_to(top):
                told(name, UserError("picture_outside", file=name))
            elif path.is_file():
                found.append(Piece(name, path))
    return found


def is_list(piece: Piece) -> bool:
    """Whether a piece is a list of rows, by its name."""
    return piece.name.lower().endswith(LISTS)
