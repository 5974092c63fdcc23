"""A picture file becomes one that training reads as it is: upright, RGB or grey, opaque, not needlessly large, and
without what a camera writes into it (where it was taken, when, by which device): sets are handed on.

What is so already stays as it is, byte by byte; everything else is written anew, and what was done to it is named.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import warnings
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from PIL import Image

from training.errors import UserError
from training.eyes import pictures
from training.eyes.picture_sets import IMAGES
from training.files import writing_failed

SIDE = 1024
"""A longer side is made as long: encoders see 84 to 512 pixels, and training opens every picture again and again."""
REPAIRS = ("turned", "screen_colours", "white", "smaller", "details")
"""What can have been done to a picture."""
_KEPT = {"PNG": ".png", "JPEG": ".jpg"}
_ORIENTATION = 0x0112
_TOLD = ("xmp", "XML:com.adobe.xmp", "photoshop")
"""Where else than in its EXIF a file tells of itself, as Pillow calls it."""
_PART = 80


def keep(source: Path, place: Path) -> tuple[str, list[str]]:
    """Write the picture to `place` with its ending in place of the old one; returns that ending and the repairs.

    Raises UserError (picture_*, disk_full, not_writable).
    """
    seen = pictures.look(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(source, formats=pictures.FORMATS) as image:
            kind, repairs = image.format or "", list(_repairs(image))
            exact = not repairs and kind in _KEPT and image.mode in ("RGB", "L", "P")
    try:
        if exact:
            shutil.copyfile(source, place.with_suffix(_KEPT[kind]))
            return _KEPT[kind], []
        if max(seen.size) > SIDE:
            seen.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        seen.info = {}  # some of it would be written again
        drawn = kind in ("PNG", "GIF", "BMP")
        seen.save(place.with_suffix(".png" if drawn else ".jpg"), "PNG" if drawn else "JPEG", quality=92)
        return (".png" if drawn else ".jpg"), repairs
    except OSError as error:
        raise writing_failed(error, place) from error


def _repairs(image: Image.Image) -> Iterable[str]:
    if image.getexif().get(_ORIENTATION, 1) not in (0, 1):
        yield "turned"
    if image.mode in ("CMYK", "YCCK", "LAB"):
        yield "screen_colours"
    if image.has_transparency_data:
        yield "white"
    if max(image.size) > SIDE:
        yield "smaller"
    if set(image.getexif()) - {_ORIENTATION} or any(name in image.info for name in _TOLD):
        yield "details"


def fingerprint(file: Path) -> str:
    """By which the same picture is known again."""
    mark = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            mark.update(block)
    return mark.hexdigest()


class Names:
    """Paths for pictures in a set: like their own, but such as every system can write, and none twice."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = {PurePosixPath(name).with_suffix("").as_posix().casefold() for name in taken}

    def new(self, name: str) -> PurePosixPath:
        """A free path for the picture called `name`, without an ending."""
        parts = [_clean(part) for part in PurePosixPath(name).with_suffix("").parts if part not in ("/", ".", "..")]
        wanted = PurePosixPath(IMAGES, *([part for part in parts if part != IMAGES] or ["picture"]))
        free, number = wanted, 1
        while free.as_posix().casefold() in self._taken:
            number += 1
            free = wanted.with_name(f"{wanted.name}-{number}")
        self._taken.add(free.as_posix().casefold())
        return free


def _clean(part: str) -> str:
    return re.sub(r"[^\w\-()]+", "_", part).strip("_")[:_PART] or "picture"


def refused(source: Path, name: str) -> UserError | None:
    """A better sentence than "it cannot be read" for kinds of files that people take for pictures."""
    if name.lower().endswith((".heic", ".heif")):
        return UserError("picture_heic", file=name)
    if name.lower().endswith((".mp4", ".mov", ".avi", ".mkv", ".webm")):
        return UserError("picture_film", file=name)
    return None
