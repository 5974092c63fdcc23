"""A picture set in the making: pictures, what is said about each, what could not be read. A folder in HOME/albums.

Everything a person drops or types is on the disk at once, so that nothing is lost by an error, a reload or a restart.
Covered: the album itself. Not covered: looking at files (gathering/), its end as a set (binding.py).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from training.errors import UserError
from training.eyes import pairs
from training.eyes.gathering import keeping
from training.eyes.gathering.taken import Kept, Taken, Waiting, talk_of
from training.eyes.llava import Talk
from training.files import read_json, write_text, writing_failed
from training.home import albums_dir
from training.sentences import LANGUAGES

_FILE = "album.json"
_OLD = 30 * 24 * 3600
"""Seconds after which an album that nobody has changed is removed."""
_CHANGING = threading.Lock()
"""One change at a time: each reads the whole album and writes it."""


@dataclass
class Album:
    """What it holds; `folder` is where the pictures' paths begin."""

    folder: Path
    pictures: dict[str, Kept] = field(default_factory=dict)
    """By their path, in the order in which they came."""
    talks: list[Talk] = field(default_factory=list)
    """About pictures, in any order, and in text only."""
    raw: dict[str, str] = field(default_factory=dict)
    """By picture: what was typed and cannot be read as questions and answers; its talks are the last readable ones."""
    waiting: list[Waiting] = field(default_factory=list)
    """Good rows whose picture is not there yet."""
    repeat: int = 1
    """How often each conversation is to stand in the set."""
    name: str = ""
    """The set that it was opened from, or saved as."""
    exam: dict[str, Any] = field(default_factory=dict)
    """What the set it was opened from has in its exam, as JSON."""
    persona: dict[str, Any] | None = None
    """Who the conversations make the assistant, as JSON: of a set whose introductions cannot be told from the rest."""

    @property
    def id(self) -> str:
        """By which it is opened again."""
        return self.folder.name

    def fault(self, picture: str) -> UserError | None:
        """Why what was typed about a picture cannot be read, if so."""
        try:
            pairs.read(self.raw.get(picture, ""))
            return None
        except UserError as error:
            return error

    def said(self) -> dict[str, list[tuple[str, ...]]]:
        """The conversations by picture."""
        found = defaultdict(list)
        for talk in self.talks:
            if talk.image:
                found[talk.image].append(talk.turns)
        return found

    def text(self, picture: str, language: str) -> str:
        """What is said about a picture, to be edited: as it was typed where that cannot be read."""
        if picture in self.raw:
            return self.raw[picture]
        return pairs.told([talk.turns for talk in self.talks if talk.image == picture], language)


def new() -> Album:
    """An empty album. Raises UserError (disk_full, not_writable)."""
    tidy()
    try:
        folder = Path(tempfile.mkdtemp(prefix="album-", dir=albums_dir()))
    except OSError as error:
        raise writing_failed(error, albums_dir()) from error
    album = Album(folder)
    write(album)
    return album


def load(name: str) -> Album:
    """The album of that id. Raises UserError(album_missing)."""
    folder = albums_dir() / name
    try:
        if not name or Path(name).name != name:
            raise FileNotFoundError(name)
        told: dict[str, Any] = read_json(folder / _FILE)
        pictures = {path: Kept(**each) for path, each in told["pictures"].items()}
        waiting = [Waiting(each["file"], each["row"], talk_of(each["talk"])) for each in told["waiting"]]
        talks = [talk_of(each) for each in told["talks"]]
        return Album(folder, **{**told, "pictures": pictures, "waiting": waiting, "talks": talks})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError("album_missing") from error


def write(album: Album) -> None:
    """Keep the album. Raises UserError (disk_full, not_writable)."""
    told = {key: value for key, value in vars(album).items() if key != "folder"}
    # Written at every letter that is typed: by hand and on one line, ten times as fast as asdict() and an indent.
    told["pictures"] = {path: vars(kept) for path, kept in album.pictures.items()}
    told["talks"] = [vars(talk) for talk in album.talks]
    told["waiting"] = [{**vars(each), "talk": vars(each.talk)} for each in album.waiting]
    write_text(album.folder / _FILE, json.dumps(told, ensure_ascii=False))


@contextmanager
def changed(name: str) -> Iterator[Album]:
    """The album of that id, kept when the block ends well. Raises UserError (album_missing, disk_full, ...)."""
    with _CHANGING:
        album = load(name)
        yield album
        write(album)


def add(name: str, taken: Taken, folder: Path) -> Album:
    """Take over what was found in `folder`. Raises UserError."""
    with changed(name) as album:
        places = _placed(album, taken, folder)
        found = [replace(talk, image=places.get(talk.image, talk.image)) for talk in taken.talks]
        known = set(album.talks)
        album.talks += [talk for talk in found if talk not in known]
        album.waiting = list({(each.file, each.row, each.talk): each for each in taken.waiting}.values())
        album.repeat = max(album.repeat, taken.times)
        taken.write(album.folder)
        return album


def _placed(album: Album, taken: Taken, folder: Path) -> dict[str, str]:
    """Move the pictures over; where each is now. Another page may have added one of the same path meanwhile."""
    names, places = keeping.Names([*album.pictures, *album.exam]), {}
    for path, kept in taken.pictures.items():
        places[path] = f"{names.new(path)}{PurePosixPath(path).suffix}"
        place = album.folder / places[path]
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(folder / path, place)
        album.pictures[places[path]] = kept
    return places


def say(name: str, picture: str, text: str) -> UserError | None:
    """Keep what is said about a picture; why it cannot be read, if so: then it is kept as it was typed.

    Raises UserError (album_missing, picture_missing).
    """
    with changed(name) as album:
        if picture not in album.pictures:
            raise UserError("picture_missing", file=picture)
        if picture not in album.raw and text in (album.text(picture, language) for language in LANGUAGES):
            return None  # what is only looked at is not read anew: an imported answer may hold any letters
        try:
            turns = pairs.read(text)
        except UserError as error:
            album.raw[picture] = text
            return error
        album.raw.pop(picture, None)
        others = [talk for talk in album.talks if talk.image != picture]
        album.talks = [*others, *(Talk(each, picture) for each in dict.fromkeys(turns))]
    return None


def remove(name: str, picture: str) -> Album:
    """Take a picture out, and what is said about it."""
    with changed(name) as album:
        gone = album.pictures.pop(picture, None)
        album.talks = [talk for talk in album.talks if talk.image != picture]
        album.raw.pop(picture, None)
    if gone:  # not before that is written down: a full disk must not leave an album without its picture
        (album.folder / picture).unlink(missing_ok=True)
    return album


def last(album: Album) -> Taken | None:
    """What was found when files were looked at last."""
    try:
        return Taken.read(album.folder)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def discard(name: str) -> None:
    """Forget an album. One that is not there any more is none."""
    try:
        shutil.rmtree(load(name).folder, ignore_errors=True)
    except UserError:
        return


def tidy() -> None:
    """Remove what nobody has touched for a month."""
    for folder in albums_dir().glob("album-*"):
        if folder.stat().st_mtime < time.time() - _OLD:
            shutil.rmtree(folder, ignore_errors=True)
