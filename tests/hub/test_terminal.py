"""How the three command lines behave at a terminal, as processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from training.home import ROOT

LIST = ("training", "models", "list", "--json")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "STUDIO_HOME": str(tmp_path), "PYTHONUTF8": "1"}


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_is_gone_is_no_traceback(unbuffered: str, variables: dict[str, str]) -> None:
    given = {**variables, "PYTHONUNBUFFERED": unbuffered}
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command(*LIST), cwd=ROOT, env=given, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no /dev/full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_is_full_is_a_sentence(unbuffered: str, variables: dict[str, str]) -> None:
    given = {**variables, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:
        done = subprocess.run(command(*LIST), cwd=ROOT, env=given, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1 and done.stderr.decode().startswith("The output cannot be written: ")
    assert len(done.stderr.splitlines()) == 1


def test_an_argument_that_is_no_text_can_be_repeated(variables: dict[str, str]) -> None:
    given = [os.fsencode(each) for each in command("training", "status", "--json")]
    done = subprocess.run([*given, b"\xff"], cwd=ROOT, env=variables, capture_output=True)
    assert done.returncode == 1 and b"Traceback" not in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["error"] == "run_missing"


@pytest.mark.parametrize(
    "arguments",
    [
        ("training", "list", "--home", ""),
        ("training", "pictures", ""),
        ("training", "import", "", "--out", "x"),
        ("hub", "pull", "a/b", "--to", ""),
        ("serving", "chat", " "),
    ],
    ids=" ".join,
)
def test_an_empty_path_is_not_the_folder_one_is_in(arguments: tuple[str, ...], variables: dict[str, str]) -> None:
    done = subprocess.run(command(*arguments), cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 2 and "must not be empty" in done.stderr


SLOW = "import os, time; from hub import terminal; {begin}; os.write(1, b'here\\n'); time.sleep(60)"


@pytest.mark.parametrize("begin", ["pass", "terminal.begun()"], ids=["loading", "at work"])
def test_ctrl_c_is_a_sentence_and_an_exit_code(begin: str, variables: dict[str, str]) -> None:
    main = f"exec({SLOW.format(begin=begin)!r})"
    code = f"import sys; from hub import terminal; sys.exit(terminal.run(lambda: {main}))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "--json", "--language", "zh"],
        cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout and process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "已取消。\n")
    assert json.loads(out) == {"ok": False, "error": "cancelled", "message": "已取消。"}


@pytest.mark.parametrize("room", ["training", "hub", "serving"])
def test_ctrl_c_is_quiet_from_early_on(room: str, variables: dict[str, str]) -> None:
    code = (
        "import os, runpy, signal; from hub import terminal; begin = terminal.signal.signal\n"
        "def early(*given): begin(*given); os.kill(os.getpid(), signal.SIGINT)\n"
        f"terminal.signal.signal = early; runpy.run_module({room!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=variables, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "Cancelled.\n")
