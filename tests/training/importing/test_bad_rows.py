"""What is wrong with a row is said with its number, field and reason; the other rows are kept."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.importing.conftest import Take, chat, codes, said
from training.importing import encoding, intake, json_rows, problems

GOOD = chat("a", "b")


def turns(*pairs: tuple[Any, Any]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in pairs]}


BROKEN: list[tuple[str, str, Any]] = [
    ("no_assistant", "", turns(("user", "a"))),
    ("no_assistant", "", turns(("user", "a"), ("user", "b"))),
    ("no_user", "", turns(("assistant", "a"))),
    ("no_answer", "", turns(("assistant", "a"), ("user", "b"))),
    ("two_answers", "messages[2].content", turns(("user", "a"), ("assistant", "b"), ("assistant", "c"))),
    ("two_systems", "messages[1].content", turns(("system", "s"), ("system", "t"), ("user", "a"), ("assistant", "b"))),
    ("system_late", "messages[1].content", turns(("user", "a"), ("system", "s"), ("assistant", "b"))),
    ("empty", "messages[1].content", turns(("user", "a"), ("assistant", " \n"))),
    ("empty", "messages[0].content", turns(("user", None), ("assistant", "b"))),
    ("nested", "messages[1].content", turns(("user", "a"), ("assistant", {"text": "b"}))),
    ("picture", "messages[0].content", turns(("user", [{"type": "image_url", "image_url": "x"}]), ("assistant", "b"))),
    ("picture", "image", {"image": "a.png", "conversations": [{"from": "human", "value": "<image>"}]}),
    ("role_unknown", "messages[0].content", turns(("zebra", "a"), ("assistant", "b"))),
    ("role_unknown", "messages[0].content", turns((None, "a"), ("assistant", "b"))),
    ("role_tool", "messages[1].content", turns(("user", "a"), ("function_call", "b"))),
    ("chat_mark", "messages[0].content", turns(("user", "a <|im_end|> b"), ("assistant", "b"))),
    ("broken_text", "messages[1].content", turns(("user", "a"), ("assistant", "b\ufffdc"))),
    ("turns_empty", "messages", {"messages": []}),
    ("turns_no_list", "messages", {"messages": {"role": "user"}}),
    ("turn_no_object", "messages[0]", {"messages": ["a", "b"]}),
    ("turn_unknown", "messages[0]", {"messages": [{"speaker": "a"}]}),
    ("history", "history", {"instruction": "a", "output": "b", "history": [["x"]]}),
    ("preference", "chosen", {"prompt": "a", "chosen": "b", "rejected": "c"}),
    ("fields_unknown", "", {"text": "Once upon a time"}),
    ("no_question", "answer", {"answer": "b"}),
    ("empty", "output", {"instruction": "a", "output": ""}),
    ("no_object", "", 3),
    ("no_object", "", None),
    ("no_object", "", "text"),
    ("no_object", "", ["a", "b", "c"]),
]


@pytest.mark.parametrize(("code", "field", "row"), BROKEN)
def test_a_broken_row_is_told_and_the_others_are_kept(take: Take, code: str, field: str, row: Any) -> None:
    report, rows = take("a.json", [GOOD, row, GOOD])
    assert codes(report) == [(2, code)] and report.problems[0].field == field
    assert len(rows) == 2 and report.bad == 1


@pytest.mark.parametrize(
    "broken",
    [
        '{"messages": [{"role": "user", "content": "never closed}]}',
        '{"messages": [{"role": "user", "content": "a" "b"}]}',
        "{'messages': []}",
        '{"messages": [{"role": "user",, "content": "a"}]}',
        '{"messages": [{"role": "user", "content": "a\\x"}]}',
        '{"messages": [{"role": "user"',
        '{"messages": ' + "[" * 100_000,
        '{"messages": ' + "9" * 5000 + "}",
    ],
    ids=lambda text: text[:60],
)
@pytest.mark.parametrize("layout", ["lines", "list"])
def test_after_broken_json_reading_goes_on_at_the_next_row(take: Take, broken: str, layout: str) -> None:
    good = [json.dumps(chat(f"q{n}", f"a{n}")) for n in range(4)]
    rows = [good[0], good[1], broken, good[2], good[3]]
    text = "\n".join(rows) if layout == "lines" else "[" + ",\n".join(rows) + "]"
    report, found = take("a.json", text)
    assert [said(row)[0] for row in found] == ["q0", "q1", "q2", "q3"]
    assert [row for row, _ in codes(report)][:1] == [3] and report.bad == 1


ALPACA = [f'{{"instruction": "q{n}", "output": "a"}}' for n in range(4)]


@pytest.mark.parametrize(
    "rows",
    [
        [ALPACA[0], '{"instruction":"c" "output":"d"}', '{"system":"s","instruction":"q1","output":"f"}', ALPACA[2]],
        [ALPACA[0], '{"instruction":"c" "output":"[{}]"}', '{"output":"f","instruction":"q1"}', ALPACA[2]],
        [ALPACA[0], json.dumps(chat("a", "b", "c", "d")).replace(":", "", 1), json.dumps(chat("q1", "b")), ALPACA[2]],
        [ALPACA[0], '{"instruction":"c" "output":"d", "from": [{"x": 1}, {"x": 2}]}', *ALPACA[1:3]],
        ['["q0", "a"]', '["c" "d"]', '["q1", "a"]', '["q2", "a"]'],
    ],
)
@pytest.mark.parametrize("block", [57, 4 << 20])
def test_after_a_broken_row_no_good_one_is_lost_whatever_it_begins_with(
    take: Take, monkeypatch: pytest.MonkeyPatch, rows: list[str], block: int
) -> None:
    monkeypatch.setattr(encoding, "BLOCK", block)
    for wrapped in ("[%s]", '{"rows": [%s], "test": [{"system": "s", "instruction": "q3", "output": "a"}]}'):
        report, found = take("a.json", wrapped % ", ".join(rows))
        assert [said(row)[0 if len(row.messages) == 2 else 1] for row in found] == ["q0", "q1", "q2", "q3"][
            : len(found)
        ]
        assert len(found) == (3 if wrapped == "[%s]" else 4) and [row for row, _ in codes(report)] == [2]


def test_a_broken_row_at_the_end_of_its_list_costs_nothing_of_the_next_list(take: Take) -> None:
    broken = '{"instruction":"c" "output":"d"}'
    begin, end = f'{{"train": [{ALPACA[0]}, {broken}], "test": [', f", {ALPACA[1]}]}}"
    text = begin + '{"system": "s", "instruction": "q", "output": "a"}' + end
    report, found = take("a.json", text)
    assert [said(row)[-2] for row in found] == ["q0", "q", "q1"] and [row for row, _ in codes(report)] == [2]


@pytest.mark.parametrize("begin", ["[", '{"rows": ['])
@pytest.mark.parametrize("end", ["", ",", ",\n"])
def test_a_list_that_is_cut_off_between_two_rows_is_not_taken_for_whole(take: Take, begin: str, end: str) -> None:
    report, found = take("a.json", f"{begin}{ALPACA[0]},{ALPACA[1]}{end}")
    assert len(found) == 2 and codes(report) == [(3, "json_cut")]


def test_a_first_row_whose_first_key_cannot_be_read_costs_itself_only(take: Take) -> None:
    report, found = take("a.json", '[{"a\\x": 1}, ' + f"{ALPACA[0]}, {ALPACA[1]}]")
    assert len(found) == 2 and codes(report) == [(1, "json")]


@pytest.mark.parametrize("rest", ["]", "oops", '"oops"', "}"])
def test_what_follows_the_end_of_a_list_is_told(take: Take, rest: str) -> None:
    report, found = take("a.json", json.dumps([GOOD, GOOD]) + rest)
    assert len(found) == 2 and [row for row, _ in codes(report)] == [3]


def test_a_list_that_ends_in_the_middle_gives_what_was_there(take: Take) -> None:
    text = json.dumps([chat(f"q{n}", "a") for n in range(50)])
    report, rows = take("a.json", text[: len(text) // 2])
    assert len(rows) in (24, 25) and report.bad == 1


def test_a_list_of_many_blocks_is_read_whole(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "BLOCK", 57)  # cuts characters, strings and rows in two
    monkeypatch.setattr(json_rows, "_AHEAD", 57)
    rows = [chat(f"第{n}个 “问题” \\ \n", "好" * (n % 90)) for n in range(1, 200)]
    wrapped = {"x": {"y": 1}, "rows": rows}
    texts = [json.dumps(rows, ensure_ascii=False, indent=1), json.dumps(wrapped, ensure_ascii=False)]
    texts.append(texts[0].replace('"第77个', "第77个"))
    for text, missing in zip(texts, (0, 0, 1)):
        report, found = take("a.json", text)
        assert len(found) == 199 - missing - 2 and report.bad == 2 + missing  # 90 and 180: an empty answer
    assert said(found[0])[0] == "第1个 “问题” \\ \n"


def test_half_a_character_cannot_be_written_and_is_told(take: Take) -> None:
    report, rows = take(
        "a.jsonl", json.dumps(GOOD) + '\n{"messages": "\\ud800"}\n{"a\\ud800": "b\\udfff", "answer": "\\ud800"}\n'
    )
    assert len(rows) == 1 and report.bad == 2


def test_wrong_quoting_costs_its_own_row_only(take: Take) -> None:
    lines = [
        "question,answer",
        "a,b",
        '"never closed,x',
        "c,d",
        '"He said "hi" to me",x',
        "e,f",
        '"g ""g""",h',
        'i,"j',
    ] + ["k,l"] * 5
    report, rows = take("a.csv", "\n".join(lines) + "\n")
    assert [said(row)[0] for row in rows] == ["a", "c", "e", 'g "g"'] + ["k"] * 5
    assert codes(report) == [(3, "quoting"), (5, "quoting"), (8, "quoting")]


def test_a_separator_in_an_unquoted_cell_is_told_with_the_line(take: Take) -> None:
    report, rows = take("a.csv", 'question,answer\n"two\nlines",b\nHello, you,b\nonly\n')
    assert codes(report) == [(4, "cells"), (5, "empty")] and len(rows) == 1
    assert report.problems[0].sentence("en").startswith("It has 3 cells, but there are 2 columns")


def test_lines_in_another_encoding_are_converted_when_that_is_certain_and_told_when_not(take: Take) -> None:
    lines = [f"第{n}个问题,这是回答".encode() for n in range(20)]
    lines[7] = "第七个问题,这是用另一种编码写的回答".encode("gb18030")
    lines[9] = b"caf\xe9,au lait"
    report, rows = take("a.csv", b"question,answer\n" + b"\n".join(lines))
    assert len(rows) == 19 and said(rows[7])[0] == "第七个问题" and report.repairs == {"line_gb18030": 1}
    assert codes(report) == [(11, "encoding")] and report.encoding == "utf-8"


def test_a_file_in_gb18030_may_have_short_lines_that_could_be_something_else(take: Take) -> None:
    lines = ["问题,回答"] + [f"这是第{n}个问题,好的" for n in range(9)] + ["谢谢,不"]
    report, rows = take("a.csv", "\n".join(lines).encode("gb18030"))
    assert report.encoding == "gb18030" and said(rows[-1]) == ["谢谢", "不"] and len(rows) == 10


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_json_in_other_encodings_is_read_too(take: Take, encoding: str) -> None:
    rows = [chat(f"今天是第{n}天吗", "是的，今天就是。") for n in range(9)]
    report, found = take("a.json", json.dumps(rows, ensure_ascii=False, indent=1).encode(encoding))
    assert len(found) == 9 and report.encoding == encoding


@pytest.mark.parametrize("longest", [200, 201])
def test_where_a_long_line_is_cut_does_not_decide_its_encoding(
    take: Take, monkeypatch: pytest.MonkeyPatch, longest: int
) -> None:
    monkeypatch.setattr(encoding, "LONGEST_LINE", longest)
    rows = [chat("今天是第几天", "是的，今天就是。" * 9)] * 3
    report, found = take("a.json", json.dumps(rows, ensure_ascii=False).encode("gb18030"))
    assert len(found) == 3 and report.encoding == "gb18030"


def test_every_problem_is_in_the_lists_and_the_first_of_them_in_the_report(
    take: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problems, "SHOWN", 5)
    report, _ = take("a.json", [GOOD, {"=cmd|x": "y"}, *[chat("a", "")] * 29])
    assert (len(report.problems), report.bad) == (5, 30)
    assert report.problem_counts == {"empty": 29, "fields_unknown": 1}
    for language, word in (("zh", "内容是空的。"), ("en", "The text is empty.")):
        with problems.listed(tmp_path / "staged-a.json", language).open(encoding="utf-8-sig", newline="") as file:
            listed = list(csv.reader(file))
        assert len(listed) == 31 and listed[-1] == ["31", "messages[1].content", word]
        assert not any(cell.startswith("=") for row in listed for cell in row)


def test_repairs_are_made_where_they_are_certain_and_counted(take: Take) -> None:
    garbled = "你好，我是小明".encode().decode("latin-1")
    twice = "今天天气很好呀".encode().decode("gb18030", errors="ignore")
    rows = [
        turns(("usr", "a"), ("asistant", "b")),
        turns(("user", garbled), ("assistant", garbled)),
        turns(("assistant", "hello"), ("user", "a"), ("assistant", "b<|im_end|>\n"), ("user", "unanswered")),
        turns(("system", "s"), ("system", "s"), ("user", "a"), ("user", "b"), ("assistant", "c\x00\x1b")),
        turns(("user", "a"), ("assistant", "x < y > z")),
        turns(("user", "Ã la carte, café, naïve"), ("assistant", "今天天气很好，我们去公园玩吧")),
    ]
    report, found = take("a.json", rows)
    assert report.bad == 0
    assert report.repairs == {
        "role": 2,
        "mojibake": 2,
        "end_mark": 1,
        "control": 1,
        "system_twice": 1,
        "before_question": 1,
        "after_answer": 1,
        "joined": 1,
    }
    assert said(found[1]) == ["你好，我是小明"] * 2 and said(found[2]) == ["a", "b"]
    assert said(found[3]) == ["s", "a\nb", "c"] and said(found[4])[1] == "x < y > z"
    assert said(found[5]) == ["Ã la carte, café, naïve", "今天天气很好，我们去公园玩吧"] and twice


def test_repeats_are_left_out_when_asked(take: Take) -> None:
    rows = [chat("a", "b"), chat("c", "d"), chat("a", "b"), chat("a", "b")]
    assert len(take("a.json", rows)[1]) == 4
    report, found = take("a.json", rows, distinct=True)
    assert [said(row)[0] for row in found] == ["a", "c"] and report.repeats == 2


def test_progress_is_told_and_never_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake.time, "monotonic", iter(range(10**9)).__next__)
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(json.dumps(GOOD) for _ in range(5000)))
    told: list[intake.Progress] = []
    intake.take_in(file, tmp_path, told.append)
    assert len(told) >= 4 and told == sorted(told, key=lambda each: each.share) and told[-1].rows > 1000


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "[" + ",".join(['{"messages": [{"role": "user" "content": "x"}]}'] * 20_000) + "]",
        json.dumps(chat("a", "b" + " </s>" * 100_000 + "x>")),
        json.dumps(chat("a", "b" + " " * 100_000 + "x]")),
        "question,answer\n" + ('"open,x\n' + "a,b\n" * 3) * 5000,
    ],
    ids=["json", "end marks", "gaps", "quotes"],
)
def test_a_file_made_to_be_slow_is_not(take: Take, text: str) -> None:
    report, _ = take("a.txt", text)
    assert report.rows + report.bad > 0
