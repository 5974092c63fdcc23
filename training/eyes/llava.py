"""Rows of LLaVA's JSON: {"id", "image", "conversations": [{"from": "human" | "gpt", "value"}]}, as the course has them.

Reads a list of rows and says what is wrong with each that cannot be used; writes what XTuner's LLaVADataset reads.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from training.errors import UserError
from training.eyes import pictures
from training.files import write_json

TOKEN = "<image>"
"""Where the picture is, in the text."""
_ROLES = ("human", "gpt")


@dataclass(frozen=True)
class Talk:
    """One conversation, about a picture or about none."""

    turns: tuple[str, ...]
    """A question, its answer, a question, ...: without TOKEN."""
    image: str = ""
    """The picture's path in its folder; "" for a conversation in text only."""


@dataclass
class Found:
    """What a file holds."""

    talks: list[Talk] = field(default_factory=list)
    problems: list[tuple[int, UserError]] = field(default_factory=list)
    """The number of each row that was left out, from 1, and why."""


def rows(talks: Iterable[Talk]) -> list[dict[str, Any]]:
    """The conversations as LLaVA's rows; the picture stands before the first question."""
    written = []
    for number, talk in enumerate(talks):
        said = [f"{TOKEN}\n{talk.turns[0]}", *talk.turns[1:]] if talk.image else list(talk.turns)
        told = [{"from": _ROLES[place % 2], "value": text} for place, text in enumerate(said)]
        # Also without a picture a row names one, as null: the column has to be there in every row.
        written.append({"id": str(number), "image": talk.image or None, "conversations": told})
    return written


def write(path: Path, talks: Iterable[Talk]) -> None:
    """Replace `path` by the conversations as LLaVA's JSON."""
    write_json(path, rows(talks))


def read(path: Path, folder: Path, look: bool = True) -> Found:
    """What a LLaVA JSON holds whose pictures are in `folder`; `look`: whether these are opened.

    Raises UserError(llava_unreadable).
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError("llava_unreadable", file=path.name) from error
    if not isinstance(content, list) or not content:
        raise UserError("llava_unreadable", file=path.name)
    found, looked = Found(), dict[str, UserError | None]()
    for number, row in enumerate(content, 1):
        try:
            talk = read_row(row)
            if talk.image:
                _check_picture(talk.image, folder, looked, look)
            found.talks.append(talk)
        except UserError as error:
            found.problems.append((number, error))
    return found


def read_row(row: Any) -> Talk:
    """One row of LLaVA's JSON, whose picture is not looked for. Raises UserError(llava_*)."""
    said = row.get("conversations") if isinstance(row, dict) else None
    if not isinstance(said, list) or not all(isinstance(each, dict) for each in said):
        raise UserError("llava_no_conversations")
    image = row.get("image") or ""
    if not isinstance(image, str):
        raise UserError("llava_one_picture")
    texts = []
    for place, each in enumerate(said):
        if each.get("from") != _ROLES[place % 2] or not isinstance(each.get("value"), str):
            raise UserError("llava_turns", turn=place + 1)
        texts.append(each["value"])
    if not texts or len(texts) % 2:
        raise UserError("llava_turns", turn=len(texts) + 1)
    marks = [text.count(TOKEN) for text in texts]
    if image and sum(marks) == 0:
        raise UserError("llava_token_missing", token=TOKEN)
    if not image and sum(marks):
        raise UserError("llava_token_without_picture", token=TOKEN)
    if image and (marks[0] != 1 or sum(marks) != 1):
        raise UserError("llava_token_misplaced", token=TOKEN)
    turns = tuple(text.replace(TOKEN, "").strip() for text in texts)
    if not all(turns):
        raise UserError("llava_empty", turn=turns.index("") + 1)
    return Talk(turns, image)


def _check_picture(image: str, folder: Path, looked: dict[str, UserError | None], look: bool) -> None:
    """Refuse a picture that is not in the folder, or no picture. Each is looked at once."""
    if image not in looked:
        looked[image] = None
        try:
            place = inside(folder, image)
            if look:
                pictures.look(place)
        except UserError as error:
            looked[image] = error
    problem = looked[image]
    if problem:
        raise problem


def inside(folder: Path, image: str) -> Path:
    """The picture's place. Raises UserError(picture_outside) where that is not in the folder, links followed."""
    asked = PurePosixPath(image.replace("\\", "/"))
    place = (folder / asked).resolve()
    if asked.is_absolute() or "\0" in image or not place.is_relative_to(folder.resolve()):
        raise UserError("picture_outside", file=image)
    return place
