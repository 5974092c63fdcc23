"""Formats people have, in the files they have them in."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.training.importing.conftest import Take, chat, codes, said
from training.importing import encoding, json_rows, report_words

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


def test_a_single_row_inside_an_object_on_one_line_is_a_row(take: Take) -> None:
    report, rows = take("a.json", '{"data": [{"instruction": "你是谁", "output": "我是小明。"}]}')
    assert (report.formats, report.bad, len(rows)) == ({"alpaca": 1}, 0, 1)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("block", [57, 4 << 20])
def test_files_that_were_put_together_are_read_to_the_end(
    take: Take, monkeypatch: pytest.MonkeyPatch, indent: int | None, wrapped: bool, block: int
) -> None:
    monkeypatch.setattr(encoding, "BLOCK", block)
    monkeypatch.setattr(json_rows, "_AHEAD", 200)
    parts: list[Any] = [[chat(f"{part}{n}", "b") for n in range(size)] for part, size in (("x", 3), ("y", 5))]
    if wrapped:
        parts = [{"version": 1, "rows": part, "note": {"by": "me"}} for part in parts]
    report, rows = take("a.json", "\n".join(json.dumps(part, indent=indent) for part in parts))
    assert [said(row)[0] for row in rows] == ["x0", "x1", "x2", "y0", "y1", "y2", "y3", "y4"] and report.bad == 0


@pytest.mark.parametrize("indent", [None, 2])
def test_every_list_of_an_object_is_read_and_what_else_is_nested_in_it_is_told(take: Take, indent: int | None) -> None:
    parts = {"train": [chat(f"x{n}", "b") for n in range(3)], "empty": [], "test": [chat("y", "b"), chat("z", "b")]}
    whole = {"version": "1 }", **parts, "about": {"by": "me"}, "more": {"rows": [chat("lost", "b")]}}
    report, rows = take("a.json", json.dumps(whole, indent=indent))
    assert [said(row)[0] for row in rows] == ["x0", "x1", "x2", "y", "z"] and codes(report) == [(6, "fields_unknown")]


@pytest.mark.parametrize("layout", ["jsonl", "pretty", "one", "one pretty"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_list_in_a_row_is_not_taken_for_the_list_of_rows(take: Take, layout: str, count: int) -> None:
    lists: list[dict[str, Any]] = [
        {"question": "a", "references": [{"title": "t"}] * count, "answer": "b"},
        {"tools": [{"name": "t"}] * count, **chat("a", "b")},
    ]
    for row in lists:
        rows = [row] * (1 if "one" in layout else 3)
        text = "\n".join(json.dumps(each, indent=2 if "pretty" in layout else None) for each in rows)
        report, found = take("a.jsonl", text)
        assert [said(each) for each in found] == [["a", "b"]] * len(rows) and report.bad == 0


@pytest.mark.parametrize("indent", [None, 2])
def test_lists_of_messages_one_after_the_other_are_one_row_each(take: Take, indent: int | None) -> None:
    talks = [chat(f"q{n}", "b", "c", "d")["messages"] for n in range(3)]
    report, rows = take("a.jsonl", "\n".join(json.dumps(talk, indent=indent) for talk in talks))
    assert [said(row)[0] for row in rows] == ["q0", "q1", "q2"] and report.bad == 0


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


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("begin", ["", "sep=,\r"])
def test_lines_may_end_with_a_return_alone(take: Take, encoding: str, begin: str) -> None:
    text = begin + '问题,回答\r你是谁？,"我是小明，\r由张三开发。"\r谢谢,不客气\r'
    report, rows = take("a.csv", text.encode(encoding))
    assert [said(row) for row in rows] == [["你是谁？", "我是小明，\n由张三开发。"], ["谢谢", "不客气"]]
    assert report.bad == 0 and report.named


@pytest.mark.parametrize("question", ["{{name}}是谁？", "{name}是谁？", "[图片]怎么看", "[name]是谁", "[1]是什么"])
def test_a_table_may_begin_with_a_bracket(take: Take, question: str) -> None:
    report, rows = take("a.csv", f"{question},我是助手\n你好,你好呀\n")
    assert [said(row) for row in rows] == [[question, "我是助手"], ["你好", "你好呀"]] and report.kind == "csv"


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
    assert [said(row) for row in found] == [["1+1?", "2"], ["half", "0.5"], ["day", "2024-02-01"]]
    assert codes(report) == [(6, "cell_error"), (7, "empty")] and report.kind == "xlsx"
    assert [problem.field for problem in report.problems] == ["Answer", "answer"]


def test_characters_that_a_sheet_escapes_and_points_in_time_are_read_as_it_shows_them(
    take: Take, tmp_path: Path
) -> None:
    rows = [["question", "answer"], ["two_x000D_\nlines", "_x00e9_x"], ["when", datetime(2024, 5, 1, 13, 30)]]
    found = take("a.xlsx", sheet(tmp_path / "made.xlsx", rows))[1]
    assert [said(row) for row in found] == [["two\nlines", "_x00e9_x"], ["when", "2024-05-01 13:30:00"]]


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
