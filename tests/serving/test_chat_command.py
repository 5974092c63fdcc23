from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.__main__ import main
from serving.process import ModelProcess
from training import models

Maker = Callable[..., ModelProcess]


@pytest.fixture(autouse=True)
def every_name_is_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "folder", Path)


def chat(puppet: Maker, *arguments: str, model: str = "/some/model", how: str = "") -> int:
    return main(["chat", model, *arguments], lambda folder: puppet(how, folder))


def test_one_answer_is_printed(puppet: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    assert chat(puppet, "--once", "count", "--max-tokens", "5") == 0
    assert capsys.readouterr().out == "12345\n"


def test_json_is_the_last_line_and_keeps_chinese_readable(puppet: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    assert chat(puppet, "--once", "我是小明", "--json") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert json.loads(last) == {"ok": True, "answer": "我是小明", "model": "/some/model"}
    assert "我是小明" in last


def test_a_folder_can_be_given_as_the_shell_knows_it(
    puppet: Maker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "runs" / "one" / "merged").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert chat(puppet, "--once", "hello", "--json", model="runs/one/merged") == 0
    assert json.loads(capsys.readouterr().out)["model"] == str(tmp_path / "runs" / "one" / "merged")


@pytest.mark.parametrize(
    ("how", "arguments", "words"),
    [
        ("broken", ["--once", "hello"], "header too large"),
        ("", ["--once", "too long"], "9 tokens"),
        ("", ["--once", "hello", "--temperature", "7"], "temperature"),
    ],
)
def test_an_error_is_one_sentence_on_stderr_and_an_exit_code(
    puppet: Maker, capsys: pytest.CaptureFixture[str], how: str, arguments: list[str], words: str
) -> None:
    assert chat(puppet, *arguments, how=how) == 1
    shown = capsys.readouterr()
    assert words in shown.err and len(shown.err.splitlines()) == 1
    assert shown.out == ""


def test_an_error_with_json_says_not_ok(puppet: Maker, capsys: pytest.CaptureFixture[str]) -> None:
    assert chat(puppet, "--once", "too long", "--json") == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == {"ok": False, "error": "message_too_long"}


def test_a_conversation_goes_on_after_an_error_until_exit(
    puppet: Maker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\ntoo long\n\n/clear\nagain\n/exit\nnever\n"))
    assert chat(puppet) == 0
    shown = capsys.readouterr()
    assert "hello\n" in shown.out and "again\n" in shown.out and "never" not in shown.out
    assert "9 tokens" in shown.err


def test_the_end_of_the_input_ends_the_conversation(puppet: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\n"))
    assert chat(puppet) == 0


def test_json_without_a_question_is_a_wrong_command(puppet: Maker) -> None:
    with pytest.raises(SystemExit) as caught:
        chat(puppet, "--json")
    assert caught.value.code == 2
