"""Presets in the browser: saved, loaded, shared as a file; and what differs from the suggestion."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.training.conftest import wait_for
from training import dataset, presets
from training.identity import Row
from training.preset_file import Preset

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

Visit = Callable[..., Any]
ROW = Row(({"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}), "general", "en")


def upload(page: Any, button: str, file: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=button).click()
    chooser.value.set_files(file)


def change(page: Any, field: str, value: str) -> None:
    page.get_by_role("spinbutton", name=field, exact=True).fill(value)
    page.get_by_role("spinbutton", name=field, exact=True).press("Tab")


def test_a_preset_is_saved_and_loaded_again_and_what_differs_is_listed(visit: Visit) -> None:
    dataset.save("big", [ROW] * 500)
    dataset.save("small", [ROW])  # the newest is chosen
    page = visit("en-US")
    page.get_by_role("tab", name="Train").click()
    page.get_by_text("LoRA, 20 steps").wait_for()
    differing = page.locator(".changes")
    expect(differing).to_have_count(0)
    page.get_by_role("button", name="Advanced settings").click()
    change(page, "Learning rate", "0.0002")
    expect(differing).to_contain_text("Learning rate: 0.0002 instead of 0.0004")
    expect(differing.get_by_role("listitem")).to_have_count(1)

    page.get_by_role("button", name="Presets").click()
    page.get_by_label("Name for the settings as they are now").fill("gentle")
    page.get_by_role("button", name="Save as preset").click()
    page.get_by_text("Saved as preset “gentle”.").wait_for()
    assert presets.load("gentle").settings["learning_rate"] == 0.0002
    change(page, "Learning rate", "0.001")
    change(page, "Batch size", "4")
    expect(differing.get_by_role("listitem")).to_have_count(2)

    page.get_by_role("button", name="Save as preset").click()  # the name is taken: it asks
    page.get_by_text("There is a preset “gentle” already. Replace it?").filter(visible=True).wait_for()
    page.get_by_role("button", name="Cancel").filter(visible=True).click()
    assert presets.load("gentle").settings["batch_size"] == 8

    page.get_by_role("button", name="Load into the form").click()
    expect(differing).to_contain_text("Learning rate: 0.0002 instead of 0.0004")
    expect(differing.get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_role("spinbutton", name="Batch size", exact=True)).to_have_value("8")
    # What a preset says stays when another dataset is chosen, and is then listed.
    page.get_by_label("Dataset", exact=True).filter(visible=True).first.click()
    page.get_by_role("option", name="big").click()
    expect(differing).to_contain_text("Steps: 20 instead of")
    page.get_by_role("button", name="Suggested values").click()
    expect(differing).to_have_count(0)


def test_a_text_that_an_input_method_wrote_is_explained_once_it_is_left(visit: Visit) -> None:
    dataset.save("small", [ROW])
    page = visit("zh-CN")
    page.get_by_role("tab", name="训练").click()
    page.get_by_text("LoRA，20 步").wait_for()
    page.get_by_role("button", name="高级设置").click()
    system = page.get_by_label("样题的系统提示词").filter(visible=True).first
    system.click()
    page.keyboard.insert_text("你是小明")  # without the press of a key
    page.keyboard.press("Tab")
    expect(page.locator(".changes")).to_contain_text("你是小明")


def test_a_preset_goes_out_and_comes_in_as_a_file(visit: Visit, tmp_path: Path) -> None:
    dataset.save("small", [ROW])
    presets.save(Preset("温和", {"learning_rate": 1e-4}))
    page = visit("zh-CN")
    page.get_by_role("tab", name="训练").click()
    page.get_by_text("LoRA，20 步").wait_for()
    page.get_by_role("button", name="预设").click()
    expect(page.get_by_role("button", name="填进表单")).to_be_enabled()
    with page.expect_download() as sent:
        page.get_by_role("button", name="下载文件").filter(visible=True).click()
    assert presets.read(Path(sent.value.path())) == presets.load("温和")

    bad = {**json.loads(presets.path("温和").read_text()), "settings": {"learning_rate": "fast"}}
    (tmp_path / "bad.json").write_text(json.dumps(bad))
    upload(page, "添加预设文件", tmp_path / "bad.json")
    page.get_by_text("预设里的 learning_rate 是 fast，应是数字。").wait_for()
    assert presets.names() == ["温和"]
    good = {**bad, "settings": {"learning_rate": 3e-4, "lora_rank": 4}}
    (tmp_path / "good.json").write_text(json.dumps(good))
    upload(page, "添加预设文件", tmp_path / "good.json")
    page.get_by_text("这个文件已另存为“温和 2”").wait_for()
    expect(page.get_by_label("预设", exact=True).filter(visible=True).first).to_have_value("温和 2")
    page.get_by_role("button", name="填进表单").click()
    expect(page.locator(".changes")).to_contain_text("学习率：0.0003（建议值：0.0004）")
    expect(page.locator(".changes")).to_contain_text("LoRA 秩：4（建议值：16）")
    page.get_by_role("button", name="删除", exact=True).filter(visible=True).first.click()
    page.get_by_text("要删除预设“温和 2”吗").filter(visible=True).wait_for()
    page.get_by_role("button", name="删除", exact=True).filter(visible=True).last.click()
    wait_for(lambda: presets.names() == ["温和"])
