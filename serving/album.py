"""Pictures that come up in talks: looked at before they are kept, under names of our own, gone when their talk ends.

A picture comes as a data URL, as the page's script makes it: data:image/png;name=cat.png;base64,... What is kept is
not what was sent but what was seen in it, as a PNG.
"""

from __future__ import annotations

import atexit
import base64
import binascii
import io
import os
import re
import secrets
import shutil
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

import psutil
from PIL import Image

from training.errors import UserError
from training.eyes import pictures
from training.files import writing_failed
from training.home import talks_dir

SENT = re.compile(r"data:image/[a-z+.-]{1,20};name=([A-Za-z0-9%._~!*'()-]{0,300});base64,([A-Za-z0-9+/]*={0,2})")
"""A picture as it is sent: its name, and the picture."""
_SIDE = 1024
"""Pixels: no encoder looks at more than half of it, and a page need not hold more."""
_THUMB = 320
_LONGEST_NAME = 60
_BLOCK = 4096


@dataclass(frozen=True)
class Bounds:
    """What one picture may be, and all of them together."""

    bytes: int = 8 * 2**20
    """Of a picture as it is sent. The page makes larger ones smaller by itself."""
    side: int = 2048
    """Pixels to which it makes them smaller."""
    pixels: int = pictures.MOST_PIXELS
    formats: tuple[str, ...] = pictures.FORMATS
    kept: int = 512 * 2**20
    """Bytes that all pictures may take on the disk; beyond that the oldest one leaves."""


STRANGERS = Bounds(64 * 2**10, 448, 1_000_000, ("PNG", "JPEG"), 128 * 2**20)
"""For pictures of people whom nobody knows: all that an encoder looks at, and little to decode."""


@dataclass(frozen=True)
class _Kept:
    talk: str
    taken: int
    """Bytes of the disk: however small a picture is, it takes a block."""


class Album:
    """The pictures of all talks on one page; thread-safe. Its folder is made with the first picture."""

    def __init__(self, bounds: Bounds = Bounds()) -> None:
        self.bounds = bounds
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._kept: dict[str, _Kept] = {}
        """By their files, the oldest first."""
        self._taken = 0

    def keep(self, sent: str, talk: str = "") -> str:
        """Keep a picture that was sent, and return its file. `talk`: what it belongs to, to end() it.

        Raises UserError: picture_unreadable, picture_huge, picture_animated, picture_heavy, disk_full, not_writable.
        """
        name, content = self._opened(sent)
        folder = self._place()
        file = folder / f"{secrets.token_hex(16)}.png"
        raw = file.with_suffix(".sent")
        try:
            raw.write_bytes(content)
            image = pictures.look(raw, self.bounds.pixels, self.bounds.formats)
            image.thumbnail((_SIDE, _SIDE))
            image.save(file, "PNG", compress_level=1)
            taken = -(-file.stat().st_size // _BLOCK) * _BLOCK
        except UserError as error:
            raise UserError(error.code, **{**error.details, "file": name}) from error
        except OSError as error:
            raise writing_failed(error, file) from error
        finally:
            raw.unlink(missing_ok=True)
        with self._lock:
            self._kept[str(file)] = _Kept(talk, taken)
            self._taken += taken
            while self._taken > self.bounds.kept and len(self._kept) > 1:
                self._remove(next(iter(self._kept)))
        return str(file)

    def end(self, talk: str) -> None:
        """Remove the pictures of a talk."""
        with self._lock:
            for file in [file for file, kept in self._kept.items() if talk and kept.talk == talk]:
                self._remove(file)

    def drop(self, files: Iterable[str]) -> None:
        """Remove these pictures; what is none of ours stays."""
        with self._lock:
            for file in files:
                if file in self._kept:
                    self._remove(file)

    def _remove(self, file: str) -> None:
        self._taken -= self._kept.pop(file).taken
        Path(file).unlink(missing_ok=True)

    def _opened(self, sent: str) -> tuple[str, bytes]:
        """The picture's name, to speak of it, and what was sent."""
        found = SENT.fullmatch(sent)
        name = Path(unquote(found[1], errors="replace")).name[:_LONGEST_NAME] if found else ""
        if found and len(found[2]) * 3 // 4 > self.bounds.bytes + 2:
            raise UserError("picture_heavy", file=name or "?", most=self.bounds.bytes // 2**10)
        try:
            return name or "?", base64.b64decode(found[2] if found else "=", validate=True)
        except binascii.Error as error:
            raise UserError("picture_unreadable", file=name or "?") from error

    def _place(self) -> Path:
        with self._lock:
            if self._folder is None or not self._folder.is_dir():
                _sweep(talks_dir())
                self._folder = talks_dir() / f"{os.getpid()}-{secrets.token_hex(4)}"
                try:
                    self._folder.mkdir(mode=0o700)
                except OSError as error:
                    raise writing_failed(error, self._folder) from error
                atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
            return self._folder


def _sweep(place: Path) -> None:
    """Remove what a page that was killed has left."""
    for folder in place.iterdir():
        pid = folder.name.partition("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


@lru_cache(maxsize=256)
def thumbnail(file: str) -> str:
    """A small copy of a kept picture, as a data URL that a page can show; empty when the picture is gone."""
    try:
        with Image.open(file, formats=("PNG",)) as image:
            image.thumbnail((_THUMB, _THUMB))
            small = io.BytesIO()
            image.save(small, "JPEG", quality=85)
    except OSError:
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(small.getvalue()).decode()}"
