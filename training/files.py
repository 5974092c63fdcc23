"""Files are whole or they are not there: written beside their place, then renamed."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from training.errors import UserError


@contextmanager
def writing(path: Path) -> Iterator[TextIO]:
    """A file that takes the place of `path` when the block ends well; otherwise the old content stays.

    Raises UserError (disk_full, not_writable).
    """
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            os.fchmod(descriptor, 0o644)  # mkstemp's 0600 would keep a shared HOME from being read
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise writing_failed(error, path) from error


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step. Raises UserError (disk_full, not_writable); the old content then stays."""
    with writing(path) as file:
        file.write(text)


def write_json(path: Path, value: Any) -> None:
    """Replace `path` by `value` as JSON in one step; what is no text (of a file's name) is read back as it was."""
    text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
    write_text(path, re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text))


def replace_folder(new: Path, place: Path) -> None:
    """Let the folder `new` take its place. What was there before is gone only when the new one is there."""
    if not place.exists():
        new.rename(place)
        return
    if not _exchanged(new, place):  # where the kernel cannot swap two names, there is a moment with neither
        old = place.with_name(f"{place.name}.old")
        shutil.rmtree(old, ignore_errors=True)
        place.rename(old)
        new.rename(place)
        new = old
    shutil.rmtree(new)


_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def _exchanged(one: Path, other: Path) -> bool:
    rename = getattr(ctypes.CDLL(None), "renameat2", None) if sys.platform == "linux" else None
    names = os.fsencode(one), os.fsencode(other)
    return rename is not None and rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0


def read_json(path: Path) -> Any:
    """What the JSON file holds. Raises OSError or ValueError, for the caller to put in words."""
    return json.loads(path.read_text(encoding="utf-8-sig"))


def readable(name: str | Path) -> str:
    """The name of a file, to be shown and written: not every name that the system has is text."""
    return os.fsencode(name).decode("utf-8", "replace")


def writing_failed(error: OSError, path: Path) -> UserError:
    """The sentence for a write that the system refused."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return UserError("disk_full" if full else "not_writable", path=path)


def copy_file(source: Path, path: Path) -> None:
    """Replace `path` by a copy of `source` in one step, however long it is. Raises UserError as `writing` does."""
    with source.open(encoding="utf-8", newline="") as text, writing(path) as file:
        shutil.copyfileobj(text, file, 1 << 20)
