from __future__ import annotations

from pathlib import Path

import pytest

from training import environment


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
