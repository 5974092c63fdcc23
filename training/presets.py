"""Presets: a recipe's settings under a name, one file each in HOME/presets, to be used again or given to others.

What may be in such a file: preset_file.py.
"""

from __future__ import annotations

import fcntl
import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from training import preset_file
from training.errors import UserError
from training.files import write_text, writing_failed
from training.home import presets_dir
from training.preset_file import FIELDS, LONGEST, Preset, checked_name, written
from training.recipe import Recipe


def settings_of(recipe: Recipe) -> dict[str, Any]:
    """All that a preset keeps of a recipe."""
    return {field: getattr(recipe, field) for field in FIELDS}


def changes(recipe: Recipe, usual: Recipe) -> dict[str, tuple[Any, Any]]:
    """The settings in which `recipe` differs from `usual`: field -> (its value, the usual one)."""
    mine, theirs = vars(recipe), vars(usual)
    return {field: (mine[field], theirs[field]) for field in theirs if mine[field] != theirs[field]}


def names() -> list[str]:
    """The presets that are saved, by name."""
    return sorted(file.stem for file in presets_dir().glob("*.json") if _is_name(file.stem))


def path(name: str) -> Path:
    """The preset's file. Raises UserError(preset_missing, preset_name_bad)."""
    file = _place(checked_name(name))
    if not file.is_file():
        raise UserError("preset_missing", name=name)
    return file


def load(name: str) -> Preset:
    """A saved preset. Raises UserError(preset_missing, and what preset_file.read() raises)."""
    # A file that was renamed by hand is called as it is named.
    return replace(read(path(name)), name=checked_name(name))


def read(file: Path) -> Preset:
    """The preset in a file, wherever it lies. Raises UserError: preset_file_missing, or preset_file.read()'s."""
    try:
        with file.open("rb") as source:
            data = source.read(LONGEST + 1)
    except OSError as error:
        raise UserError("preset_file_missing", file=file, reason=error.strerror) from error
    return preset_file.read(data, file.name)


def save(preset: Preset, replacing: bool = False) -> Path:
    """Keep the preset. Raises UserError: preset_taken unless `replacing`; what is wrong with it; disk_full."""
    text, place = written(preset), _place(checked_name(preset.name))
    with _locked():
        if not replacing and os.path.lexists(place) and not _holds(place, text):
            raise UserError("preset_taken", name=place.stem)
        write_text(place, text)
    return place


def _holds(file: Path, text: str) -> bool:
    """Whether nothing would change: a second click is no question."""
    try:
        return file.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False


def add(preset: Preset) -> str:
    """Keep a preset from elsewhere under its name, or with a number behind it where that is taken; returns the name."""
    first = checked_name(preset.name)
    with _locked():
        # The number must not make the name too long.
        tries = (first if number == 1 else f"{first[:56].rstrip()} {number}" for number in itertools.count(1))
        name = next(name for name in tries if not os.path.lexists(_place(name)))
        write_text(_place(name), written(replace(preset, name=name)))
    return name


def delete(name: str) -> None:
    """Remove the preset. Raises UserError(preset_missing, not_writable)."""
    file = path(name)
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise writing_failed(error, file) from error


def _is_name(text: str) -> bool:
    try:
        return checked_name(text) == text
    except UserError:
        return False


def _place(name: str) -> Path:
    return presets_dir() / f"{name}.json"


@contextmanager
def _locked() -> Iterator[None]:
    """Only one at a time saves, so that seeing a name free and taking it are one step."""
    with (presets_dir() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go by the kernel when its holder dies
        yield
