from __future__ import annotations

import http.server
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from training import doctor, home
from training.doctor import STATES, Finding
from training.sentences import LANGUAGES, table


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.about: finding for finding in findings}


@pytest.fixture(autouse=True)
def quiet_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks a real hub."""
    monkeypatch.setattr(doctor, "hubs", lambda: {"Nowhere": "http://127.0.0.1:9"})


@pytest.fixture
def gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A driver that reports two GPUs."""
    program = tmp_path / "bin" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\ncase "$1" in *driver_version*) echo 535.104.05; echo 535.104.05;;\n'
        '*) echo "0, Tesla T4, 15360, 14000, 7.5"; echo "1, NVIDIA A10, 23028, 1000, 8.6";; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    yield


def test_this_machine_is_looked_at_in_both_languages() -> None:
    found = by_name(doctor.examine())
    assert {"python", "versions", "gpu", "memory", "disk", "git_lfs", "port", "network"} <= found.keys()
    for finding in found.values():
        assert finding.state in STATES
        assert all(finding.sentence(language) for language in LANGUAGES)
    assert found["versions"].state == "ok", found["versions"].sentence()


def test_every_sentence_of_the_doctor_can_be_said() -> None:
    said = {key for key in table("en") if key.startswith("doctor.")}
    code = (home.ROOT / "training" / "doctor.py").read_text() + (home.ROOT / "ui" / "doctor_pane.py").read_text()
    assert [key for key in said if f'"{key.removeprefix("doctor.")}"' not in code and f'"{key}"' not in code] == []


def test_gpus_are_told_by_name_and_free_memory_with_what_their_driver_runs(gpu: None) -> None:
    found = by_name(doctor.examine())
    assert "1 · NVIDIA A10 · 1/22 GiB" in found["gpu"].sentence()
    assert found["driver"].state == "ok" and "535.104.05" in found["driver"].sentence("zh")
    assert (found["bf16"].state, found["bf16"].code) == ("note", "bf16_none")


@pytest.mark.parametrize(
    ("driver", "cuda", "code"),
    [
        (535, "12.8", "driver"),
        (525, "12.8", "driver"),
        (470, "12.8", "driver_old"),
        (570, "13.0", "driver_old"),
        (580, "13.0", "driver"),
        (570, "14.1", "driver_old"),
        (570, None, "torch_without_cuda"),
    ],
)
def test_a_driver_runs_the_cuda_of_its_time_and_older(driver: int, cuda: str | None, code: str) -> None:
    assert doctor.fits(driver, f"{driver}.1", cuda).code == code


def test_the_cuda_of_torch_is_read_as_torch_tells_it() -> None:
    import torch

    assert doctor.torch_cuda() == torch.version.cuda


def test_another_version_and_a_missing_library_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_tested", lambda: {"torch": "1.0", "psutil": doctor.metadata.version("psutil")})
    other = by_name(doctor.examine())["versions"]
    assert other.state == "note" and "torch 2." in other.sentence() and "psutil" not in other.sentence()
    monkeypatch.setattr(doctor, "_tested", lambda: {"no-such-library": "1.0"})
    gone = by_name(doctor.examine())["versions"]
    assert gone.state == "problem" and "no-such-library" in gone.sentence("zh")


def test_a_port_that_somebody_listens_on_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert by_name(doctor.examine(port))["port"].code == "port_taken"
    assert "port" not in by_name(doctor.examine(None))


def test_hubs_are_asked_at_once_with_short_patience_and_no_password_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_error(403)

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setattr(doctor, "PATIENCE", 1.0)
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as speaking,
        socket.create_server(("127.0.0.1", 0)) as silent,  # takes the call and says nothing
    ):
        threading.Thread(target=speaking.serve_forever, daemon=True).start()
        deaf = f"http://me:secret@127.0.0.1:{silent.getsockname()[1]}"
        hubs = {"Speaks": f"http://127.0.0.1:{speaking.server_port}", **{f"Deaf {n}": deaf for n in range(8)}}
        monkeypatch.setattr(doctor, "hubs", lambda: hubs)
        began = time.monotonic()
        found = [finding for finding in doctor.examine() if finding.about == "network"]
        assert time.monotonic() - began < 6
        speaking.shutdown()
    assert [finding.code for finding in found] == ["hub", *["hub_silent"] * 8]
    assert not any("secret" in finding.sentence() for finding in found)


def test_little_memory_and_little_disk_are_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MEMORY_GIB", 10**6)
    monkeypatch.setattr(doctor, "DISK_GIB", 10**9)
    found = by_name(doctor.examine())
    assert (found["memory"].code, found["disk"].code) == ("memory_low", "disk_low")


def test_the_command_tells_each_line_and_its_exit_code_is_whether_all_is_well(own_home: Path) -> None:
    command = [sys.executable, "-m", "training", "doctor", "--json", "--language", "zh", "--port", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=home.ROOT)
    told = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == (0 if told["ok"] else 1), done.stderr
    assert {"about", "state", "code", "details", "sentence"} == told["findings"][0].keys()
