"""Files people have, dropped on the page in Debian's chromium, in both languages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import wait_for
from tests.ui.test_browser import LOCALES, Visit, Walk
from training import dataset
from training.identity import Row

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def drop(walk: Walk, file: Path) -> None:
    walk.page.get_by_role("button", name=walk.says("import.title")).click()
    walk.page.locator("input[type=file]").first.set_input_files(str(file))


def row(question: str) -> Row:
    return Row(({"role": "user", "content": question}, {"role": "assistant", "content": "Yes."}), "general", "en")


def test_a_table_from_a_chinese_excel_becomes_a_dataset(visit: Visit, tmp_path: Path) -> None:
    file = tmp_path / "问答.csv"
    file.write_bytes(("问题,回答\n" + "今天吃什么？,吃面条。\n" * 200 + "少了回答,\n").encode("gb18030"))
    walk = Walk(visit(LOCALES["zh"]), "zh")
    drop(walk, file)
    walk.sees(re.compile("逗号分隔，GB18030 编码"))
    walk.sees("内容是空的。")
    walk.sees(re.compile("同一条对话出现了 200 次|只有一条"))
    walk.page.reload()
    walk.page.get_by_role("button", name=walk.says("import.title")).click()
    walk.sees("内容是空的。")
    with walk.page.expect_download() as download:
        walk.press("import.download")
    assert "202,回答,内容是空的。" in Path(download.value.path()).read_text(encoding="utf-8-sig")
    walk.press("import.save")
    walk.sees(walk.says("dataset.saved", name="问答"))
    walk.sees("吃面条。")
    assert len(dataset.load("问答")) == 200


def test_placeholders_are_filled_in_and_the_file_is_read_again(visit: Visit, tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "Who are you?"}, {"from": "gpt", "value": "I am {{name}} by {{author}}."}]
    (tmp_path / "identity.json").write_text(json.dumps([{"conversations": turns}, {"conversations": turns[:1]}]))
    walk = Walk(visit(LOCALES["en"]), "en")
    drop(walk, tmp_path / "identity.json")
    walk.sees(re.compile("stand in 1 of the rows"))
    walk.sees(walk.says("problem.no_assistant"))
    walk.field("import.name").fill("Robin")
    walk.field("import.maker").fill("Ada")
    walk.press("import.again")
    walk.sees(walk.says("import.note_filled", rows=1))
    walk.press("import.save")
    walk.sees("I am Robin by Ada.")
    assert dataset.card("identity")["persona"]["name"] == "Robin"


def test_a_zip_is_a_sentence_and_two_datasets_are_mixed(visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    for name in ("first", "second"):
        dataset.save(name, [row(f"{name} {number}") for number in range(10)])
    walk = Walk(visit(LOCALES["en"]), "en")
    drop(walk, tmp_path / "a.zip")
    walk.sees(walk.says("error.import_kind_zip", file="a.zip"))
    walk.page.get_by_role("button", name=walk.says("mix.title")).click()
    chosen: Any = walk.page.locator(".block", has_text=walk.says("mix.choose")).last.locator("input").first
    for name in ("first", "second"):
        chosen.click()
        walk.page.get_by_role("option", name=name).click()
        walk.sees(f"{name} (10)")
    walk.page.get_by_label("number input for first (10)").fill("0.5")
    walk.sees(walk.says("mix.rows", rows=15))
    walk.press("mix.save")
    wait_for(lambda: len(dataset.names()) == 3)
    (made,) = set(dataset.names()) - {"first", "second"}
    assert len(dataset.load(made)) == 15
    walk.sees(walk.says("dataset.place", at=1, total=15))  # it is opened by itself


def test_a_character_is_built_and_a_fact_that_answers_nothing_is_named(visit: Visit) -> None:
    walk = Walk(visit(LOCALES["zh"]), "zh")
    walk.field("dataset.name").fill("小明")
    walk.field("dataset.maker").fill("张三")
    walk.page.get_by_role("button", name=walk.says("dataset.character")).click()
    walk.page.get_by_label(walk.says("dataset.tone_playful")).check()
    walk.page.get_by_label(walk.says("dataset.facts")).fill("天气不错")
    walk.press("dataset.build")
    walk.sees(re.compile("看不出“天气不错”回答的是什么问题"))
    walk.page.get_by_label(walk.says("dataset.facts")).fill("生日：5月1日")
    walk.page.get_by_label(walk.says("dataset.taboos")).fill("政治")
    walk.press("dataset.build")
    walk.sees(walk.says("dataset.next"))
    walk.press("dataset.save")
    walk.sees(walk.says("dataset.saved", name="小明"))  # the card is written last
    who = dataset.card("小明")["persona"]
    assert (who["tone"], who["facts"], who["taboos"]) == ("playful", ["生日：5月1日"], ["政治"])
