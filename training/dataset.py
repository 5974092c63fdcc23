"""A dataset is a folder in HOME/datasets: data.json (OpenAI messages) and card.json (how it was made).

Covered: save, load, list, describe, delete. Not covered: making conversations (identity.py), other file formats.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.errors import UserError
from training.files import read_json, write_json, write_text, writing_failed
from training.home import datasets_dir
from training.identity import Row
from training.persona import Persona

_NAME = re.compile(r"[\w][\w.\- ]{0,63}")


@dataclass(frozen=True)
class Summary:
    """What a set of conversations consists of, in numbers."""

    rows: int
    unique: int
    repeated: int
    identity: int
    near_miss: int
    general: int
    languages: dict[str, int]
    characters: int


def summarise(rows: Sequence[Row]) -> Summary:
    """Count rows, repeats, kinds and languages."""
    kinds = Counter(row.kind for row in rows)
    unique = len({json.dumps(row.messages, ensure_ascii=False, sort_keys=True) for row in rows})
    return Summary(
        rows=len(rows),
        unique=unique,
        repeated=len(rows) - unique,
        identity=kinds["identity"],
        near_miss=kinds["near_miss"],
        general=kinds["general"],
        languages=dict(sorted(Counter(row.language for row in rows).items())),
        characters=sum(len(message["content"]) for row in rows for message in row.messages),
    )


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


def save(name: str, rows: Sequence[Row], persona: Persona | None = None) -> Path:
    """Write the conversations as dataset `name` (replacing it) and return its data.json.

    Raises UserError (dataset_name_bad, dataset_empty, disk_full, not_writable).
    """
    name = checked_name(name)
    if not rows:
        raise UserError("dataset_empty")
    folder = datasets_dir() / name
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise writing_failed(error, folder) from error
    lines = [json.dumps({"messages": list(row.messages)}, ensure_ascii=False) for row in rows]
    text = "[\n" + ",\n".join(lines) + "\n]\n"
    write_text(folder / "data.json", text)
    card: dict[str, Any] = {
        "made": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "sha256": hashlib.sha256(text.encode("utf-8")).hexdigest(),
        "summary": asdict(summarise(rows)),
    }
    if persona is not None:
        card["persona"] = asdict(persona)
    write_json(folder / "card.json", card)
    return folder / "data.json"


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


def load(name: str) -> list[dict[str, Any]]:
    """The rows of dataset `name`, each {"messages": [...]}. Raises UserError (dataset_missing, dataset_broken)."""
    file = path(name)
    try:
        rows = read_json(file)
    except ValueError as error:
        raise UserError("dataset_broken", name=name, reason=error) from error
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) and "messages" in row for row in rows):
        raise UserError("dataset_broken", name=name, reason='data.json: [{"messages": [...]}, ...]')
    return rows


def card(name: str) -> dict[str, Any]:
    """How dataset `name` was made: date, sha256, summary, persona; empty when nobody wrote it down."""
    file = path(name).parent / "card.json"
    try:
        return read_json(file) if file.is_file() else {}
    except ValueError:
        return {}


def delete(name: str) -> None:
    """Remove dataset `name`. Runs keep working: each has its own copy of the rows it was trained on."""
    shutil.rmtree(path(name).parent)
