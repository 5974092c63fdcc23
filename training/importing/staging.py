"""Where a file's rows wait until somebody gives them a name: folders in HOME/imports."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.files import writing_failed
from training.home import home
from training.importing.problems import listed
from training.sentences import LANGUAGES


def imports_dir() -> Path:
    place = home() / "imports"
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise writing_failed(error, place) from error
    return place


def new() -> Path:
    """A new empty folder, on the disk of the datasets. Raises UserError (disk_full, not_writable)."""
    place = imports_dir()
    try:
        return Path(tempfile.mkdtemp(prefix="import-", dir=place))
    except OSError as error:
        raise writing_failed(error, place) from error


@contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    place = new()
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def keep_lists(place: Path, name: str) -> dict[str, str]:
    """Move the lists of problems to where they stay: HOME/imports/<name>.problems.<language>.csv."""
    kept = {}
    for language in LANGUAGES:
        target = imports_dir() / f"{name}.{listed(place, language).name}"
        os.replace(listed(place, language), target)
        kept[f"problems_{language}"] = str(target)
    return kept
