"""Formats people have, in the files they have them in."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.training.importing.conftest import Take, chat, codes, said
from training.importing import report_words

ROWS: dict[str, Any] = {
    "openai": chat("你是谁", "我是小明。"),
    "sharegpt": {"conversations": [{"from": "human", "value": "你是谁"}, {"from": "gpt", "value": "我是小明。"}]},
    "xtuner": {"conversation": [{"system": "", "input": "你是谁", "output": "我是小明。"}]},
    "alpaca": {"instruction": "你是谁", "input": "", "output": "我是小明。"},
    "pairs": {"question": "你是谁", "answer": "我是小明。"},
}
PARTS = [{"type": "text", "text": "你是谁"}]
SAME = [
    ("sharegpt", {"conversation": [{"from": "user", "value": "你是谁"}, {"from": "assistant", "value": "我是小明。"}]}),
    ("openai", {"conversations": [{"role": "Human", "content": "你是谁"}, {"role": "Bot", "content": "我是小明。"}]}),
    ("openai", ROWS["openai"]["messages"]),
    ("openai", {"id": 7, "messages": json.dumps(ROWS["openai"]["messages"])}),
    ("openai", {"messages": [{"role": "user", "content": PARTS}, {"role": "assistant", "content": "我是小明。"}]}),
    ("alpaca", {"Instruction": "你是谁", "Output": "我是小明。", "history": []}),
    ("pairs", {"prompt": "你是谁", "response": "我是小明。"}),
    ("pairs", {"query": "你是谁", "response": "我是小明。", "tag": "zh"}),
    ("pairs", {"input": "你是谁", "output": "我是小明。"}),
    ("pairs", {"问题": "你是谁", "回答": "我是小明。"}),
    ("pairs", ["你是谁", "我是小明。"]),
]  # fmt: skip


@pytest.mark.parametrize(("form", "row"), [*ROWS.items(), *SAME])
@pytest.mark.parametrize("layout", ["json", "jsonl", "pretty", "bom", "wrapped", "one after the other"])
def test_every_format_is_recognised_in_every_layout(take: Take, form: str, row: Any, layout: str) -> None:
    line = json.dumps(row, ensure_ascii=False)
    texts = {
        "json": json.dumps([row] * 3, ensure_ascii=False),
        "jsonl": "\n".join([line] * 3),
        "pretty": json.dumps([row] * 3, ensure_ascii=False, indent=2),
        "bom": "\ufeff" + json.dumps([row] * 3),
        "wrapped": json.dumps({"version": 1, "data": [row] * 3}),
        "one after the other": "\n".join([json.dumps(row, indent=4)] * 3),
    }
    if layout in ("jsonl", "one after the other") and isinstance(row, list):
        return  # lists one after the other are no layout that anybody writes
    report, rows = take("a.json", texts[layout])
    assert report.formats == {form: 3} and report.bad == 0
    assert [said(row) for row in rows] == [["你是谁", "我是小明。"]] * 3
    assert {row.language for row in rows} == {"zh"}
    for language in ("zh", "en"):
        assert all(report_words.lines(report, language))


def test_a_file_may_mix_formats_and_each_is_counted(take: Take) -> None:
    report, rows = take("a.json", [*ROWS.values(), ROWS["openai"]])
    assert report.formats == {"openai": 2, "sharegpt": 1, "xtuner": 1, "alpaca": 1, "pairs": 1} and len(rows) == 6
    assert "OpenAI messages (2 rows)" in report_words.recognised(report, "en")


def test_alpaca_has_its_input_below_the_instruction_and_its_history_before(take: Take) -> None:
    row = {
        "instruction": "Translate",
        "input": "cat",
        "output": "猫",
        "history": [["Hi", "Hello"]],
        "system": "Be brief.",
    }
    (found,) = take("a.json", [row])[1]
    assert said(found) == ["Be brief.", "Hi", "Hello", "Translate\ncat", "猫"]
    assert [message["role"] for message in found.messages] == ["system", "user", "assistant", "user", "assistant"]


def test_sharegpt_brings_its_system_prompt_beside_the_turns(take: Take) -> None:
    (found,) = take("a.json", [{"system": "s", **ROWS["sharegpt"]}])[1]
    assert said(found) == ["s", "你是谁", "我是小明。"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_a_table_of_two_columns_in_any_encoding(take: Take, encoding: str, delimiter: str) -> None:
    lines = [
        "问题{0}回答",
        "你是谁？{0}我是小明，由张三开发。",
        '今天天气{0}"很好{0}\n两行的 ""回答"""',
        "{0}",
        "谢谢{0}不客气",
    ]
    if delimiter == ",":
        lines[1] = '你是谁？,"我是小明,由张三开发。"'
    report, rows = take("a.csv", "\r\n".join(lines).format(delimiter).encode(encoding))
    assert [said(row)[0] for row in rows] == ["你是谁？", "今天天气", "谢谢"]
    assert said(rows[1])[1] == f'很好{delimiter}\n两行的 "回答"' and report.bad == 0
    assert report.encoding == {"utf-16": "utf-16-le"}.get(encoding, encoding) and report.delimiter == delimiter
    assert all(report_words.lines(report, language) for language in ("zh", "en"))


def test_two_columns_without_names_are_question_and_answer_and_that_is_said(take: Take) -> None:
    report, rows = take("a.tsv", "你是谁\t我是小明\nHow are you?\tFine.\n")
    assert [said(row) for row in rows] == [["你是谁", "我是小明"], ["How are you?", "Fine."]]
    assert not report.named and any("first row" in line for line in report_words.lines(report, "en"))


def test_excels_own_line_about_the_separator_is_no_row(take: Take) -> None:
    report, rows = take("a.csv", "sep=;\nquestion;answer\na;b\n")
    assert [said(row) for row in rows] == [["a", "b"]] and report.delimiter == ";"


def test_a_table_may_hold_turns_as_json(take: Take) -> None:
    text = json.dumps(ROWS["openai"]["messages"], ensure_ascii=False).replace('"', '""')
    report, rows = take("a.csv", f'id,messages\n1,"{text}"\n2,oops\n')
    assert [said(row) for row in rows] == [["你是谁", "我是小明。"]] and codes(report) == [(3, "turns_text")]


def test_columns_that_nobody_can_tell_apart_are_asked_for(take: Take) -> None:
    from training.errors import UserError

    with pytest.raises(UserError, match="question and answer") as caught:
        take("a.csv", "a1,b1,c1\n1,2,3\n")
    assert caught.value.code == "import_columns" and "a1 | b1 | c1" in str(caught.value)


def sheet(path: Path, rows: list[list[Any]], before: int = 0) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    for _ in range(before):
        book.create_sheet("empty", 0)
    page = book.worksheets[before]
    for row in rows:
        page.append(row)
    book.save(path)
    return path.read_bytes()


def test_a_sheet_is_read_cell_by_cell(take: Take, tmp_path: Path) -> None:
    rows = [["Question", "Answer", "note"], ["1+1?", 2, None], [None, None, None], ["half", 0.5, "x"]]
    rows += [["day", date(2024, 2, 1)], ["error", "#REF!"], ["nothing", None]]
    report, found = take("a.xlsx", sheet(tmp_path / "made.xlsx", rows, before=2))
    assert [said(row) for row in found] == [["1+1?", "2"], ["half", "0.5"], ["day", "2024-02-01 00:00:00"]]
    assert codes(report) == [(6, "cell_error"), (7, "empty")] and report.kind == "xlsx"
    assert [problem.field for problem in report.problems] == ["Answer", "answer"]


def test_the_name_of_the_file_does_not_matter(take: Take, tmp_path: Path) -> None:
    content = sheet(tmp_path / "made.xlsx", [["你是谁", "我是小明"]])
    assert take("a.json", content)[0].kind == "xlsx"
    assert take("a.xlsx", "question,answer\na,b\n")[0].kind == "csv"
    assert take("a.csv", json.dumps([ROWS["openai"]]))[0].kind == "json"
    assert take("a.txt", json.dumps(ROWS["openai"]) + "\n")[0].kind == "jsonl"


@pytest.mark.parametrize(("text", "language"), [("你好", "zh"), ("hello", "en"), ("привет", "other")])
def test_the_language_of_each_row_is_told(take: Take, text: str, language: str) -> None:
    report, rows = take("a.json", [chat(text, text)])
    assert rows[0].language == language and report.summary and report.summary.languages == {language: 1}
