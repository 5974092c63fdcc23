"""The page as Gradio sees it before anybody visits."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from serving.stage import Stage
from ui.look import CSS, theme
from ui.page import page

DOORS = {"build_dataset", "start_run", "run_status", "stop_run", "chat"}


@pytest.fixture
def demo() -> Any:
    return page(Stage())


def test_there_are_exactly_three_tabs(demo: Any) -> None:
    assert [tab.id for tab in demo.blocks.values() if isinstance(tab, gr.Tab)] == ["dataset", "train", "chat"]


def test_only_the_doors_are_public(demo: Any) -> None:
    public = [event.api_name for event in demo.fns.values() if event.api_visibility == "public"]
    assert sorted(public) == sorted(DOORS)


def test_every_door_tells_what_it_wants(demo: Any) -> None:
    described = demo.get_api_info()["named_endpoints"]
    for door in DOORS:
        assert described[f"/{door}"]["description"], door
        assert all(argument["type"] for argument in described[f"/{door}"]["parameters"]), door


def test_containers_are_never_hidden_by_gradios_own_means(demo: Any) -> None:
    """visibility.py says why."""
    boxes = [block for block in demo.blocks.values() if isinstance(block, (gr.Column, gr.Row, gr.Group))]
    assert boxes and all(box.visible is True for box in boxes)


def test_no_font_is_fetched_from_the_internet() -> None:
    look = theme()
    styles = CSS.read_text(encoding="utf-8") + look._get_theme_css()
    assert not look._stylesheets and "@import" not in styles and "url(http" not in styles.replace('"', "")
