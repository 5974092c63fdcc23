"""What a run with pictures has in its folder: data/ (its own set), the projector it begins with, and two configs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.errors import UserError
from training.eyes import encoders, eyes_recipe, llava_config, picture_sets
from training.eyes.llava_config import Places
from training.files import writing_failed
from training.recipe import Recipe

DATA, FIRST = "data", "pretrain"
"""Folders: of the pictures and rows; of the first stage."""
GIVEN, FIRST_SIGHT = "given.pth", "first_sight.pth"
"""Projectors to begin with: one that was named, or a fitted one."""
MERGED, BEFORE = "merged", "before"
"""Models: of the second stage; of the first one."""


def bring(name: str, folder: Path) -> None:
    """Give a run its own copy of picture set `name`: second names of files that never change, which cost nothing.

    Raises UserError (picture_set_missing, disk_full, not_writable).
    """
    source, place = picture_sets.path(name), folder / DATA
    try:
        picture_sets.link_all(source, place)
    except OSError as error:
        raise writing_failed(error, place) from error


def there(folder: Path) -> bool:
    """Whether the run still has what it learns from."""
    return (folder / DATA / picture_sets.TALKS).is_file()


def has_exam(folder: Path) -> bool:
    """Whether held-out pictures are asked about."""
    return (folder / DATA / picture_sets.EXAM).is_file()


def begun_with(folder: Path, spec: Mapping[str, Any]) -> Path | None:
    """The projector file that the run's first training begins with; None: a random one."""
    eyes = eyes_recipe.from_dict(spec["eyes"])
    if eyes.pretrained:
        return folder / GIVEN
    return folder / FIRST_SIGHT if eyes.first_sight else None


def fit_first_sight(folder: Path, spec: Mapping[str, Any]) -> list[str]:
    """The command that writes first_sight.pth, out of the captions where there are some."""
    rows = next(
        file for name in (picture_sets.CAPTIONS, picture_sets.TALKS) if (file := folder / DATA / name).is_file()
    )
    arguments = map(str, (spec["model_folder"], spec["encoder_folder"], rows, folder / FIRST_SIGHT))
    return [sys.executable, "-m", "training.eyes.first_sight", *arguments]


def before(folder: Path, spec: Mapping[str, Any]) -> Path | None:
    """The projector file that the second stage begins with."""
    eyes = eyes_recipe.from_dict(spec["eyes"])
    if eyes.pretrain_steps:
        return folder / FIRST / "work" / f"iter_{eyes.pretrain_steps}.pth"
    return begun_with(folder, spec)


def rendered(recipe: Recipe, folder: Path, spec: Mapping[str, Any], first: bool) -> str:
    """The config of one stage, whose Recipe is given."""
    places = Places(
        model=Path(spec["model_folder"]),
        encoder=Path(spec["encoder_folder"]),
        data=folder / DATA,
        pretrained=begun_with(folder, spec) if first else before(folder, spec),
        picture=sample_picture(folder),
        kind=encoders.kind(Path(spec["encoder_folder"])),
    )
    return llava_config.render(recipe, eyes_recipe.from_dict(spec["eyes"]), places, spec["device"], first)


def sample_picture(folder: Path) -> Path | None:
    """The picture that the sample questions are about: a held-out one, else one that is learned from."""
    try:
        made = picture_sets.read(folder / DATA)
    except UserError:
        return None  # said when the rows are needed
    seen = [*made.exam, *made.pictures]
    return folder / DATA / seen[0] if seen else None
