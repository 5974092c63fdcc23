"""A dataset is a folder in HOME/datasets: data.json (OpenAI messages), labels.tsv, and card.json (how it was made).

Covered: save, load, list, describe, copy, delete. Not covered: making conversations (identity.py), how rows lie in a
file (rows.py), other file formats (importing/).
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.errors import UserError
from training.files import copy_file, read_json, write_json, writing_failed
from training.home import datasets_dir
from training.identity import Row
from training.importing import staging
from training.persona import Persona
from training.rows import Rows, Writer, writer

_FILES = ("labels.tsv", "card.json", "data.json")
_NAME = re.compile(r"[\w][\w.\- ]{0,63}")


def checked_name(name: str) -> str:
    """The name as a folder may carry it. Raises UserError(dataset_name_bad)."""
    name = " ".join(name.split())
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise UserError("dataset_name_bad", name=name)
    return name


def suggested_name(text: str) -> str:
    """A valid dataset name that resembles `text` (an assistant's name)."""
    cleaned = re.sub(r"[^\w\-]+", "-", text).strip("-_.")[:40]
    return cleaned or "assistant"


def free_name(text: str) -> str:
    """A dataset name that resembles `text` and does not replace anything."""
    first, taken = suggested_name(text), {folder.name for folder in datasets_dir().iterdir()}
    tries = (first if number == 1 else f"{first}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in tries if name not in taken)


def save(name: str, rows: Iterable[Row], persona: Persona | None = None, origin: dict[str, Any] | None = None) -> Path:
    """Write the conversations as dataset `name` (replacing it) and return its data.json. They may be any number.

    `origin` says where they came from, when they were not built here.
    Raises UserError (dataset_name_bad, dataset_taken, dataset_empty, disk_full, not_writable).
    """
    _folder(name)
    with staging.folder() as place:
        with writer(place) as made:
            for row in rows:
                made.add(row)
        write_json(place / "card.json", card_of(made, persona, origin))
        return take(name, place)


def card_of(made: Writer, persona: Persona | None, origin: dict[str, Any] | None = None) -> dict[str, Any]:
    """What card.json says about rows that have just been written."""
    about = {"persona": persona and asdict(persona), "origin": origin}
    return {
        "made": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "sha256": made.sha256,
        "summary": asdict(made.summary()),
        **{key: value for key, value in about.items() if value},
    }


def take(name: str, source: Path) -> Path:
    """Make dataset `name` (replacing it) of the files in the folder `source`, which are used up; returns data.json.

    Raises UserError (dataset_name_bad, dataset_taken, disk_full, not_writable).
    """
    folder = _folder(name)
    try:
        folder.mkdir(exist_ok=True)
        for file in _FILES:  # the rows last: until then it is the old dataset, or none
            if (source / file).exists():
                os.replace(source / file, folder / file)
            else:  # a dataset that was put there by hand may have its rows alone
                (folder / file).unlink(missing_ok=True)
    except OSError as error:
        raise writing_failed(error, folder) from error
    return folder / "data.json"


def copy(name: str, other: str) -> Path:
    """Save dataset `name` as `other` too, with its card. Raises UserError."""
    source = path(name).parent
    if source == _folder(other):
        return source / "data.json"
    with staging.folder() as place:
        for file in _FILES:
            if (source / file).is_file():
                copy_file(source / file, place / file)
        return take(other, place)


def _folder(name: str) -> Path:
    """The folder that dataset `name` has or would have. Raises UserError (dataset_name_bad, dataset_taken)."""
    folder = datasets_dir() / checked_name(name)
    if (folder / "llava.json").exists():  # a picture set: eyes/picture_sets.py
        raise UserError("dataset_taken", name=folder.name)
    return folder


def refuse_taken(name: str, replacing: bool = False) -> None:
    """Refuse a name that somebody would miss: a picture set's, and, unless `replacing`, a dataset's.

    Raises UserError (dataset_name_bad, dataset_taken, dataset_there).
    """
    folder = _folder(name)
    if not replacing and (folder / "data.json").exists():
        raise UserError("dataset_there", name=folder.name)


def names() -> list[str]:
    """The saved datasets, newest first."""
    found = [(file.stat().st_mtime, file.parent.name) for file in datasets_dir().glob("*/data.json")]
    return [name for _, name in sorted(found, reverse=True)]


def path(name: str) -> Path:
    """The data.json of dataset `name`. Raises UserError(dataset_missing)."""
    file = datasets_dir() / checked_name(name) / "data.json"
    if not file.is_file():
        raise UserError("dataset_missing", name=name)
    return file


def load(name: str) -> Rows:
    """The rows of dataset `name`, read where they lie. Raises UserError (dataset_missing, dataset_broken)."""
    folder = path(name).parent
    try:
        return Rows(folder)
    except (ValueError, OSError) as error:
        raise UserError("dataset_broken", name=name, reason=error) from error


def card(name: str) -> dict[str, Any]:
    """How dataset `name` was made: date, sha256, summary, persona, origin; empty when nobody wrote it down."""
    file = path(name).parent / "card.json"
    try:
        return read_json(file) if file.is_file() else {}
    except ValueError:
        return {}


def delete(name: str) -> None:
    """Remove dataset `name`. Runs keep working: each has its own copy of the rows it was trained on."""
    shutil.rmtree(path(name).parent)
