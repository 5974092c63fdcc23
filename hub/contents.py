"""A file as a hub tells of it, and whether what has arrived is that file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hub import safetensors_header

_BLOCK = 4 << 20


@dataclass(frozen=True)
class File:
    """One file of a repo."""

    name: str
    size: int
    sha256: str = ""
    """Empty where the hub does not tell."""
    git_sha: str = ""
    """The name git gives such a content; empty where sha256 is known or nothing is."""


@dataclass(frozen=True)
class Stream:
    """The bytes of a file from `offset` on, which may be less than what was asked for."""

    offset: int
    blocks: Iterator[bytes]


@dataclass(frozen=True)
class Listing:
    """The files of a repo at one revision."""

    commit: str
    """What tells this state of the repo from another."""
    files: tuple[File, ...]
    read: Callable[[File, int], Stream]
    """(file, offset) -> its bytes from there on. Raises HubError."""


def is_whole(path: Path, file: File) -> bool:
    """Whether `path` holds what the hub promised: size, hash, and a weight file's own header."""
    if path.stat().st_size != file.size:
        return False
    if file.sha256 and sha256_of(path) != file.sha256:
        return False
    if file.git_sha and _digest(path, hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)) != file.git_sha:
        return False
    if not file.name.endswith(".safetensors"):
        return True
    try:
        safetensors_header.read(path)
    except (OSError, ValueError):
        return False
    return True


def sha256_of(path: Path) -> str:
    """The name that git-lfs gives a file."""
    return _digest(path, hashlib.sha256())


def _digest(path: Path, digest: hashlib._Hash) -> str:
    with path.open("rb") as opened:
        while block := opened.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
