"""`python -m training models`: list and add, as the command line has them."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

from training import models
from training.models import arrival, catalogue


def listed() -> dict[str, Any]:
    """The base models that are here, and the ones that are known to fit."""
    here = models.names()
    folders = {name: models.place(name) for name in here}
    described = [
        {**asdict(models.describe(path)), "name": name, "path": str(path)}
        for name, path in folders.items()
        if path.is_dir()
    ]
    names = {path.name for path in folders.values() if path.is_dir()}
    known = [
        {**asdict(entry), "size": entry.size, "memory": entry.memory, "here": entry.name in names}
        for entry in catalogue.CATALOGUE
    ]
    return {"models": here, "folders": described, "catalogue": known}


def added(folder: str, name: str) -> dict[str, Any]:
    """Add the model in `folder`; tells how far it is on a terminal."""
    path = arrival.add(folder, name, _tell)
    return {"model": name, **asdict(models.describe(path)), "path": str(path)}


def _tell(stage: str, share: float) -> None:
    if sys.stderr.isatty():
        print(f"\r{stage} {share:4.0%}", end="\r", file=sys.stderr)
