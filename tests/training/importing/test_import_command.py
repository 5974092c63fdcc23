"""python -m training import FILE --out NAME"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.importing.conftest import chat
from training import dataset, home
from training.__main__ import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict, str]:  # type: ignore[type-arg]
    code = main(["import", *arguments, "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out.splitlines()[-1]), err


def test_a_file_becomes_a_dataset_and_its_problems_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "数据.csv"
    file.write_bytes("问题,回答\n你是谁,我是{{name}}，作者是{{author}}\n没有回答,\n".encode("gb18030"))
    code, made, err = run(capsys, str(file), "--out", "mine", "--name", "小明", "--maker", "张三", "--language", "zh")
    assert code == 0 and (made["rows"], made["bad"], made["encoding"]) == (1, 1, "gb18030")
    assert made["tokens"] > 0 and made["steps"] > 0 and made["longer"] == 0
    assert made["problems"] == [{"row": 3, "field": "回答", "code": "empty", "reason": "内容是空的。"}]
    assert "GB18030" in err and Path(made["problems_zh"]).read_text(encoding="utf-8-sig").startswith("行,字段,原因")
    assert dataset.load("mine")[0].messages[1]["content"] == "我是小明，作者是张三"
    assert dataset.card("mine")["persona"]["maker"] == "张三" and made["path"] == str(dataset.path("mine"))
    assert [path.name for path in (home.home() / "imports").iterdir() if path.is_dir()] == []


def test_nothing_good_is_a_failure_that_says_why_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps([chat("a", "b")]))
    bad.write_text(json.dumps([{"text": "x"}] * 3))
    assert run(capsys, str(good), "--out", "mine")[0] == 0
    code, told, err = run(capsys, str(bad), "--out", "mine", "--replace")
    assert code == 1 and told["error"] == "import_nothing_good" and told["message"] in err
    assert len(told["problems"]) == 3 and len(dataset.load("mine")) == 1


@pytest.mark.parametrize(("more", "error"), [([], "dataset_there"), (["--model", "nobody"], "model_missing")])
def test_nothing_is_saved_where_a_name_is_taken_or_the_model_is_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], error: str
) -> None:
    file = tmp_path / "good.json"
    file.write_text(json.dumps([chat("a", "b")]))
    assert run(capsys, str(file), "--out", "mine")[0] == 0
    file.write_text(json.dumps([chat("a", "b"), chat("c", "d")]))
    code, told, _ = run(capsys, str(file), "--out", "mine", *more, *(["--replace"] if more else []))
    assert (code, told["error"]) == (1, error) and len(dataset.load("mine")) == 1
    assert run(capsys, str(file), "--out", "mine", "--replace")[0] == 0 and len(dataset.load("mine")) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("/dev/null", "--out", "mine"),
        ("nowhere.json", "--out", "mine"),
        (__file__, "--out", "../up"),
        (__file__, "--out", "mine", "--name", "x"),
    ],
)
def test_what_cannot_be_imported_is_one_sentence(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, told, err = run(capsys, *arguments)
    assert code == 1 and told["ok"] is False and told["message"] == err.strip() and len(err.splitlines()) == 1
    assert dataset.names() == []
