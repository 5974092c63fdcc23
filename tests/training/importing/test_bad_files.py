"""Files that are none, too big, or not what they seem: one sentence each, and nothing is left behind."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.training.importing.conftest import Take, chat
from tests.training.importing.test_formats import sheet
from training.errors import UserError
from training.importing import intake, json_rows, report_words, tables


def packed(**files: str) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return raw.getvalue()


BAD: list[tuple[str, str, Any]] = [
    ("import_empty", "a.json", b""),
    ("import_empty", "a.csv", b"\xef\xbb\xbf \r\n\r\n"),
    ("import_kind_zip", "a.zip", packed(data_json="[]")),
    ("import_zip_broken", "a.xlsx", packed(xl__workbook_xml="<x/>")[:60]),
    ("import_sheet_broken", "a.xlsx", packed(xl__workbook_xml="<x/>")),
    ("import_bomb", "a.xlsx", packed(xl__workbook_xml="<x/>", xl__sheet1_xml="0" * (70 << 20))),
    ("import_kind_gzip", "a.json", gzip.compress(b"[]")),
    ("import_kind_old_office", "a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)),
    ("import_kind_pdf", "a.pdf", b"%PDF-1.7\n"),
    ("import_kind_parquet", "a.parquet", b"PAR1" + bytes(50)),
    ("import_kind_picture", "a.png", b"\x89PNG\r\n\x1a\n" + bytes(50)),
    ("import_kind_weights", "a.gguf", b"GGUF" + bytes(50)),
    ("import_binary", "a.csv", bytes(range(256)) * 20),
    ("import_encoding", "a.csv", "question,answer\nüß,ßäö\n".encode("latin-1")),
    ("import_encoding", "a.csv", "質問,答え\nこんにちは,元気です\n".encode("shift-jis")),
    ("import_encoding", "a.csv", "問題,回答\n請問您貴姓大名,敝姓張\n".encode("big5")),
    ("import_json_shape", "a.json", "[1, 2, 3]"),
    ("import_json_shape", "a.json", "[]"),
    ("import_json_shape", "a.json", '"hello"'),
    ("import_json_shape", "a.json", "hello"),
    ("import_columns", "a.csv", "just one column\nof text\n"),
    ("import_columns", "a.txt", "Once upon a time there was a row that was none."),
    ("import_no_rows", "a.csv", "question,answer\n"),
    ("import_missing", "not-there.json", None),
]


@pytest.mark.parametrize(("code", "name", "content"), BAD, ids=[f"{code} {name}" for code, name, _ in BAD])
def test_what_cannot_be_read_is_one_sentence_and_leaves_nothing(
    take: Take, tmp_path: Path, code: str, name: str, content: Any
) -> None:
    with pytest.raises(UserError) as caught:
        take(name, content)
    assert caught.value.code == code
    for language in ("zh", "en"):
        told = caught.value.sentence(language)
        assert name in told and "\n" not in told
    assert list((tmp_path / f"staged-{name}").iterdir()) == []


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        intake.take_in(tmp_path, tmp_path, lambda progress: None)
    assert caught.value.code == "import_missing"


def test_when_every_row_is_broken_the_list_still_says_why(take: Take, tmp_path: Path) -> None:
    report, rows = take("a.json", [{"text": "x"}] * 7)
    assert (report.rows, report.bad, rows) == (0, 7, []) and report.problem_counts == {"fields_unknown": 7}
    left = sorted(path.name for path in (tmp_path / "staged-a.json").iterdir())
    assert left == ["problems.en.csv", "problems.zh.csv", "report.json"]


def test_one_row_is_taken_with_a_warning_and_so_is_one_row_ten_thousand_times(take: Take) -> None:
    report, rows = take("a.json", [chat("你是谁", "我是小明")])
    assert len(rows) == 1 and any("only one conversation" in line for line in report_words.lines(report, "en"))
    report, rows = take("b.json", [chat("你是谁", "我是小明")] * 10_000)
    assert len(rows) == 10_000 and any("10000 次" in line for line in report_words.lines(report, "zh"))


def test_a_file_that_changes_meanwhile_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, folder = tmp_path / "a.jsonl", tmp_path / "staged"
    folder.mkdir()
    file.write_text("\n".join(json.dumps(chat("a", "b")) for _ in range(3000)))
    whole = json_rows.lines

    def meddling(numbered: Any) -> Any:
        for number, value in whole(numbered):
            if number == 100:
                with file.open("a") as more:
                    more.write("\n" + json.dumps(chat("c", "d")))
            yield number, value

    monkeypatch.setattr(json_rows, "lines", meddling)
    with pytest.raises(UserError) as caught:
        intake.take_in(file, folder, lambda progress: None)
    assert caught.value.code == "import_changed" and list(folder.iterdir()) == []


def test_a_line_without_an_end_is_told_and_skipped(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    from training.importing import encoding

    monkeypatch.setattr(encoding, "LONGEST_LINE", 200)
    good = json.dumps(chat("a", "b"))
    report, rows = take("a.jsonl", "\n".join([good, good, json.dumps(chat("x" * 1000, "b")), good]))
    assert len(rows) == 3 and [(each.row, each.code) for each in report.problems] == [(3, "line_too_long")]


def test_a_cell_that_is_never_closed_does_not_swallow_a_long_file(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_LONGEST", 50)
    report, rows = take("a.csv", 'question,answer\n"open,x\n' + "a,b\n" * 500)
    assert len(rows) == 500 and report.bad == 1


def remade(path: Path, name: str, old: bytes, new: bytes) -> bytes:
    """The bytes of a sheet in which one file says something else."""
    raw = io.BytesIO()
    with zipfile.ZipFile(path) as before, zipfile.ZipFile(raw, "w") as after:
        for entry in before.infolist():
            text = before.read(entry)
            if entry.filename == name:
                text = text.replace(old, new)
                assert new in text
            after.writestr(entry.filename, text)
    return raw.getvalue()


def test_a_sheet_that_lies_about_its_size_is_read_to_its_end(take: Take, tmp_path: Path) -> None:
    sheet(tmp_path / "x.xlsx", [["question", "answer"], ["a", "b"], ["c", "d"]])
    lying = remade(tmp_path / "x.xlsx", "xl/worksheets/sheet1.xml", b'ref="A1:B3"', b'ref="A1"')
    assert len(take("a.xlsx", lying)[1]) == 2


def test_an_entity_bomb_in_a_sheet_is_a_sentence(take: Take, tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE worksheet [<!ENTITY e0 "0000000000">{entities}]><worksheet '.encode()
    sheet(tmp_path / "x.xlsx", [["question", "answer"], ["a", "b"]])
    made = remade(tmp_path / "x.xlsx", "xl/worksheets/sheet1.xml", b"<worksheet ", bomb)
    (tmp_path / "y.xlsx").write_bytes(made)
    with pytest.raises(UserError) as caught:
        take("a.xlsx", remade(tmp_path / "y.xlsx", "xl/worksheets/sheet1.xml", b">a<", b">&e11;<"))
    assert caught.value.code == "import_sheet_broken"
