from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from serving.command_line import main
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
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer == {"ok": False, "error": "message_too_long", "message": answer["message"]}
    assert "9 tokens" in answer["message"]
    assert chat(puppet, "--once", "too long", "--language", "zh") == 1 and not capsys.readouterr().err.isascii()


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


@pytest.fixture
def seeing(tmp_path: Path) -> Path:
    """A folder that says it has eyes, with two pictures and a file that is none."""
    (tmp_path / "config.json").write_text('{"model_type": "llava"}')
    for name in ("one", "two"):
        Image.new("RGB", (4, 4)).save(tmp_path / f"{name}.png")
    (tmp_path / "none.png").write_bytes(b"no picture")
    return tmp_path


def test_a_picture_goes_with_the_one_question(puppet: Maker, capsys: pytest.CaptureFixture[str], seeing: Path) -> None:
    asked = ["--image", str(seeing / "one.png"), "--image", str(seeing / "two.png"), "--once", "what was shown?"]
    assert chat(puppet, *asked, model=str(seeing)) == 0
    assert json.loads(capsys.readouterr().out) == [["one.png", "two.png"]]


def test_pictures_stay_with_the_questions_they_were_shown_for(
    puppet: Maker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, seeing: Path
) -> None:
    said = f"what was shown?\n/image {seeing}/two.png\nhello\nwhat was shown?\n/clear\nwhat was shown?\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    assert chat(puppet, "--image", str(seeing / "one.png"), model=str(seeing)) == 0
    first, _, second, third = (line.lstrip("> ") for line in capsys.readouterr().out.splitlines()[:4])
    assert json.loads(first) == [["one.png"]]
    assert json.loads(second) == [["one.png"], [], ["two.png"], [], []]
    assert json.loads(third) == [[]]


@pytest.mark.parametrize(("file", "words"), [("gone.png", "no picture file"), ("none.png", "cannot be read")])
def test_a_picture_that_cannot_be_shown_is_a_sentence_and_the_talk_goes_on(
    puppet: Maker,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    seeing: Path,
    file: str,
    words: str,
) -> None:
    assert chat(puppet, "--image", str(seeing / file), "--once", "hello", model=str(seeing)) == 1
    assert words in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.StringIO(f"/image {seeing}/{file}\n/image\nwhat was shown?\n"))
    assert chat(puppet, model=str(seeing)) == 0
    shown = capsys.readouterr()
    assert words in shown.err and "[[]]" in shown.out


def test_a_model_without_eyes_is_shown_nothing(puppet: Maker, capsys: pytest.CaptureFixture[str], seeing: Path) -> None:
    (seeing / "config.json").write_text('{"model_type": "llama"}')
    assert chat(puppet, "--image", str(seeing / "one.png"), "--once", "hello", model=str(seeing)) == 1
    assert "no eyes" in capsys.readouterr().err
