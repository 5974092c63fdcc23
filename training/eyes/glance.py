"""Small copies of pictures, to be looked at on the page; and a picture set as one zip, to be taken along.

Both lie in HOME/cache, which is all that the page hands out.
"""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path

from PIL import Image

from training.errors import UserError
from training.eyes import picture_sets
from training.eyes.album import Album
from training.files import writing_failed
from training.home import home

HANDED_OUT = 200 << 20
"""Bytes of a set that can be downloaded from the page; a bigger one is taken from HOME/datasets."""


def small(album: Album, picture: str, side: int) -> Path:
    """A copy of a picture of the album whose longer side is at most `side`. Raises UserError(picture_missing)."""
    place = _place("pictures") / f"{album.pictures[picture].mark}-{side}.jpg"
    if not place.is_file():
        try:
            with Image.open(album.folder / picture) as image:
                seen = image.convert("RGB")
        except OSError as error:
            raise UserError("picture_missing", file=picture) from error
        seen.thumbnail((side, side), Image.Resampling.LANCZOS)
        half = place.with_suffix(f".{os.getpid()}.half")
        seen.save(half, "JPEG", quality=85)
        half.replace(place)
    return place


def packed(name: str) -> Path | None:
    """Set `name` as a zip; None when it is larger than what is handed out. Raises UserError."""
    folder = picture_sets.path(name)
    files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
    if sum(file.stat().st_size for file in files) > HANDED_OUT:
        return None
    place = _place("downloads") / f"{name}.zip"
    try:
        descriptor, half = tempfile.mkstemp(dir=place.parent)
        with os.fdopen(descriptor, "wb") as target, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packing:
            for file in files:
                packing.write(file, f"{name}/{file.relative_to(folder).as_posix()}")
        os.replace(half, place)
    except OSError as error:
        raise writing_failed(error, place) from error
    return place


def _place(kind: str) -> Path:
    folder = home() / "cache" / kind
    folder.mkdir(parents=True, exist_ok=True)
    return folder
