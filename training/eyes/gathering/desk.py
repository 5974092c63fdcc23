"""What is being looked at, as the page sees it: start, look, finish, discard. The work is done by child.py.

A process does it so that a big or a malicious file cannot hold up the page.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from training import errand
from training.errors import UserError
from training.eyes import album as albums
from training.eyes.gathering import taken
from training.eyes.gathering.taken import Taken
from training.files import read_json
from training.importing import desk, staging


@dataclass(frozen=True)
class Look:
    """How it stands: it goes on, it has ended, or it failed."""

    done: int = 0
    total: int = 0
    ended: bool = False
    error: UserError | None = None

    @property
    def live(self) -> bool:
        return not self.ended and not self.error


def start(album: str, given: Sequence[Path]) -> str:
    """Begin to look at files and folders for an album; returns the id of that. Raises UserError."""
    desk.tidy()
    now = albums.load(album)
    folder = staging.new()
    request = {
        "given": [str(each) for each in given],
        "there": {path: asdict(kept) for path, kept in now.pictures.items()},
        "waiting": [asdict(each) for each in now.waiting],
    }
    errand.start("training.eyes.gathering.child", folder, request)
    return folder.name


def look(name: str) -> Look:
    """How it stands. Raises UserError(gather_not_there)."""
    folder = _folder(name)
    alive = errand.is_alive(folder)
    # Asked before the files are: what ends in between has written its last word.
    if (folder / taken.FILE).is_file():
        return Look(ended=True)
    error = errand.error(folder)
    if not error and not alive:
        error = UserError("gather_died", reason=errand.last_line(folder), log=folder / errand.LOG)
    return Look(**errand.progress(folder), error=error)


def finish(name: str, album: str) -> Taken:
    """Put what was found into the album, and forget the rest. Raises UserError: why nothing was found."""
    folder, how = _folder(name), look(name)
    if how.error or not how.ended:
        discard(name)
        raise how.error or UserError("gather_not_there")
    found = Taken.read(folder)
    albums.add(album, found, folder)
    discard(name)
    return found


def given(name: str) -> list[Path]:
    """The files that are, or were, looked at; none when that is forgotten."""
    try:
        return [Path(each) for each in read_json(_folder(name) / "request.json")["given"]]
    except (UserError, OSError, ValueError, KeyError):
        return []


def discard(name: str) -> None:
    """End it and forget what was found. What is not there any more is nothing."""
    try:
        folder = _folder(name)
    except UserError:
        return
    errand.end(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _folder(name: str) -> Path:
    folder = staging.imports_dir() / name
    if not name or Path(name).name != name or not (folder / "request.json").is_file():
        raise UserError("gather_not_there")
    return folder
