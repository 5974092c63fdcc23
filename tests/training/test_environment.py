from __future__ import annotations

from pathlib import Path

import pytest

from serving import child
from training import environment, xtuner
from training.process import CALM


@pytest.fixture
def wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A requirements file of the test's own, and no package index."""
    file = tmp_path / "requirements-nodeps.txt"
    monkeypatch.setattr(environment, "REQUIREMENTS", file)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    return file


def test_nothing_is_installed_when_nothing_is_missing(wanted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted.write_text("# a comment\npytest==1.0  # is here\n")
    monkeypatch.setattr(environment.subprocess, "run", None)
    assert environment.complete() == []


def test_without_a_network_it_says_what_is_missing_and_goes_on(wanted: Path) -> None:
    wanted.write_text("no_such_package_anywhere==1.0\n")
    said: list[str] = []
    assert environment.complete(said.append) == ["no_such_package_anywhere==1.0"]
    assert "no_such_package_anywhere==1.0" in said[0] and "Still missing" in said[1]


def test_the_threads_of_a_calculating_process_do_not_spin_long_unless_somebody_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spins = {each["GOMP_SPINCOUNT"] for each in (xtuner.environment(tmp_path), child.environment())}
    assert spins == set(CALM.values())
    monkeypatch.setenv("GOMP_SPINCOUNT", "infinity")
    assert xtuner.environment(tmp_path)["GOMP_SPINCOUNT"] == child.environment()["GOMP_SPINCOUNT"] == "infinity"
