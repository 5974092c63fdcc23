"""Pictures by the names that rows call them: the whole path, its end, or the file's name where that is the only one.

A name is never used as a path on the disk: it is looked up among the pictures that were found.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from pathlib import PurePosixPath

from training.errors import UserError

_DRIVE = re.compile(r"[A-Za-z]:")


class Shelf:
    """Where each picture is kept, or why it is not."""

    def __init__(self) -> None:
        self._kept: dict[str, str | UserError] = {}
        self._by_name: dict[str, list[str]] = defaultdict(list)

    def put(self, name: str, kept: str | UserError) -> None:
        """The picture that its owner calls `name` is kept as `kept`, or cannot be used."""
        key = _key(name)
        if key not in self._kept:
            self._by_name[PurePosixPath(key).name].append(key)
        if key not in self._kept or not isinstance(kept, UserError):
            self._kept[key] = kept

    def find(self, name: str) -> str:
        """Where the picture is kept. Raises UserError (picture_outside, picture_awaited, picture_twice, its own)."""
        key = _key(name)
        if key.startswith("/") or _DRIVE.match(key) or ".." in key.split("/") or "\0" in key:
            raise UserError("picture_outside", file=name)
        if key in self._kept:
            found = {key}
        else:
            alike = self._by_name.get(PurePosixPath(key).name, [])
            found = {each for each in alike if each.endswith(f"/{key}") or key.endswith(f"/{each}")} or set(alike)
        kept = {str(self._kept[each]): self._kept[each] for each in found}
        if not kept:
            raise UserError("picture_awaited", file=name)
        if len(kept) > 1:
            raise UserError("picture_twice", file=name, places=", ".join(sorted(found)[:3]))
        (one,) = kept.values()
        if isinstance(one, UserError):
            raise one
        return one


def _key(name: str) -> str:
    """One name for what Windows, macOS and Linux write differently."""
    plain = unicodedata.normalize("NFC", name.strip()).replace("\\", "/").casefold()
    while plain.startswith("./"):
        plain = plain[2:]
    return re.sub(r"/{2,}", "/", plain)
