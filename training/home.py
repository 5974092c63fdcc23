"""Where everything the user makes is kept: one folder, moved by one variable (STUDIO_HOME or --home)."""

from __future__ import annotations

import os
from pathlib import Path

from training.errors import UserError
from training.files import writing_failed

ROOT = Path(__file__).resolve().parent.parent
"""The repository's own folder: what a child process needs on its import path."""


def home() -> Path:
    """HOME of the studio, created when missing. Raises UserError (home_not_writable, disk_full)."""
    return _made(Path(os.environ.get("STUDIO_HOME") or ROOT / "workspace").expanduser().absolute())


def datasets_dir() -> Path:
    return _made(home() / "datasets")


def models_dir() -> Path:
    return _made(home() / "models")


def runs_dir() -> Path:
    return _made(home() / "runs")


def talks_dir() -> Path:
    return _made(home() / "talks")


def albums_dir() -> Path:
    return _made(home() / "albums")


def presets_dir() -> Path:
    return _made(home() / "presets")


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        failed = writing_failed(error, folder)
        raise failed if failed.code == "disk_full" else UserError("home_not_writable", path=folder) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError("home_not_writable", path=folder)
    return folder
