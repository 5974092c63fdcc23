"""A picture set is a folder in HOME/datasets: llava.json, images/, card.json; some have captions.json, exam.json.

Covered: save, load, list, describe, copy, delete. Not covered: where pictures and talk come from. It has no data.json,
and a dataset of text has no llava.json: one is never taken for the other.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from training import dataset
from training.errors import UserError
from training.eyes import llava, talk
from training.eyes.llava import Talk
from training.eyes.talk import Asked
from training.files import read_json, replace_folder, write_json, writing_failed
from training.home import datasets_dir, home
from training.persona import Persona

TALKS, CAPTIONS, EXAM, CARD, IMAGES = "llava.json", "captions.json", "exam.json", "card.json", "images"


@dataclass(frozen=True)
class PictureSet:
    """What a set holds; `folder` is where the pictures' paths begin."""

    folder: Path
    talks: list[Talk]
    """For the second stage: conversations about pictures, and in text only."""
    captions: list[Talk] = field(default_factory=list)
    """For the first stage; empty: there is none."""
    exam: Mapping[str, list[Asked]] = field(default_factory=dict)
    """By held-out picture: what the exam asks."""
    persona: Persona | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Where it comes from, in words of its maker's choice."""

    @property
    def pictures(self) -> list[str]:
        """The paths of all its pictures, each once, in the order of the talk about them; the exam's last."""
        named = [each.image for each in (*self.talks, *self.captions) if each.image]
        return list(dict.fromkeys([*named, *self.exam]))


@dataclass(frozen=True)
class Summary:
    """A set in numbers."""

    pictures: int
    """To learn from, each once."""
    talks: int
    about_pictures: int
    text_only: int
    questions: int
    """In all talks together."""
    captions: int
    held_out: int
    """Pictures that only the exam shows."""


def summary(made: PictureSet) -> Summary:
    """The set in numbers."""
    seen = [each for each in made.talks if each.image]
    return Summary(
        pictures=len(made.pictures) - len(made.exam),
        talks=len(made.talks),
        about_pictures=len(seen),
        text_only=len(made.talks) - len(seen),
        questions=sum(len(each.turns) // 2 for each in made.talks),
        captions=len(made.captions),
        held_out=len(made.exam),
    )


def save(name: str, made: PictureSet) -> Path:
    """Write the set as `name` (replacing it), with its pictures, and return its folder. It is whole or not there.

    Raises UserError (dataset_name_bad, picture_set_taken, picture_set_empty, picture_missing, picture_outside,
    disk_full, not_writable).
    """
    place = _free(name)
    if not made.talks:
        raise UserError("picture_set_empty")
    with _beside(place) as folder:
        for picture in made.pictures:
            _bring(llava.inside(made.folder, picture), llava.inside(folder, picture))
        _write(folder, made)
        replace_folder(folder, place)
    return place


def refuse_taken(name: str, replacing: bool = False) -> None:
    """Refuse a name that somebody would miss: a dataset's of text, and, unless `replacing`, a picture set's.

    Raises UserError (dataset_name_bad, picture_set_taken, dataset_there).
    """
    place = _free(name)
    if not replacing and (place / TALKS).exists():
        raise UserError("dataset_there", name=place.name)


def _free(name: str) -> Path:
    """The place of set `name`, where no dataset of text lies."""
    place = datasets_dir() / dataset.checked_name(name)
    if (place / "data.json").exists():
        raise UserError("picture_set_taken", name=place.name)
    return place


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """A new folder on the same disk, which is gone afterwards unless it was moved."""
    try:
        folder = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
        try:
            folder.chmod(0o755)  # mkdtemp's 0700 would keep a shared HOME from being read
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        raise writing_failed(error, place) from error


def _bring(source: Path, place: Path) -> None:
    """The same picture in its new place: a second name where it is ours already, whose files never change."""
    if source.is_relative_to(home().resolve()):
        link(source, place)
        return
    if not source.is_file():
        raise UserError("picture_missing", file=source.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)


def link(source: Path, place: Path) -> None:
    """Give a picture of ours a second name: our files never change. Raises UserError(picture_missing), OSError."""
    if not source.is_file():
        raise UserError("picture_missing", file=source.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, place)
    except OSError:  # another disk, or one that knows no second names
        shutil.copyfile(source, place)


def link_all(source: Path, place: Path) -> None:
    """Give every file of a set a second name below `place`. Raises UserError (disk_full, not_writable), OSError."""

    def linked(one: str, other: str) -> None:
        try:
            link(Path(one), Path(other))
        except OSError as error:  # copytree would go on, and forget what the system said
            raise writing_failed(error, Path(other)) from error

    shutil.copytree(source, place, copy_function=linked, dirs_exist_ok=True)


def _write(folder: Path, made: PictureSet) -> None:
    llava.write(folder / TALKS, made.talks)
    if made.captions:
        llava.write(folder / CAPTIONS, made.captions)
    if made.exam:
        write_json(folder / EXAM, talk.told(made.exam))
    about = {"persona": made.persona and asdict(made.persona), "origin": dict(made.origin)}
    card = {
        "made": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "sha256": hashlib.sha256((folder / TALKS).read_bytes()).hexdigest(),
        "summary": asdict(summary(made)),
        **{key: value for key, value in about.items() if value},
    }
    write_json(folder / CARD, card)


def names() -> list[str]:
    """The saved picture sets, newest first."""
    found = [(file.stat().st_mtime, file.parent.name) for file in datasets_dir().glob(f"[!.]*/{TALKS}")]
    return [name for _, name in sorted(found, reverse=True)]


def path(name: str) -> Path:
    """The folder of set `name`. Raises UserError(picture_set_missing)."""
    folder = datasets_dir() / dataset.checked_name(name)
    if not (folder / TALKS).is_file():
        raise UserError("picture_set_missing", name=name)
    return folder


def load(name: str) -> PictureSet:
    """Set `name`; its pictures are not looked at. Raises UserError (picture_set_missing, picture_set_broken)."""
    return read(path(name))


def read(folder: Path) -> PictureSet:
    """The set in `folder`, wherever that is; its pictures are not looked at. Raises UserError(picture_set_broken)."""
    try:
        captions = _talks(folder / CAPTIONS) if (folder / CAPTIONS).is_file() else []
        exam = read_json(folder / EXAM) if (folder / EXAM).is_file() else {}
        about = _card(folder)
        who, origin = about.get("persona"), about.get("origin", {})
        persona = Persona.from_dict(who) if who else None
        return PictureSet(folder, _talks(folder / TALKS), captions, talk.asked(exam), persona, origin)
    except (OSError, ValueError, TypeError, AttributeError, UserError) as error:
        raise UserError("picture_set_broken", name=folder.name, reason=error) from error


def _talks(file: Path) -> list[Talk]:
    found = llava.read(file, file.parent, look=False)
    for _, problem in found.problems:
        raise problem
    return found.talks


def card(name: str) -> dict[str, Any]:
    """How set `name` was made: date, sha256, summary, persona, origin; empty when nobody wrote it down."""
    return _card(path(name))


def _card(folder: Path) -> dict[str, Any]:
    file = folder / CARD
    try:
        return read_json(file) if file.is_file() else {}
    except ValueError:
        return {}


def copy(name: str, other: str) -> Path:
    """Save set `name` as `other` too, with its card. Raises UserError."""
    source, place = path(name), _free(other)
    if source != place:
        with _beside(place) as folder:
            link_all(source, folder)
            replace_folder(folder, place)
    return place


def delete(name: str) -> None:
    """Remove set `name`, its pictures too."""
    shutil.rmtree(path(name))
