"""The page as Gradio sees it before anybody visits."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

import app
from serving.stage import Stage
from training import home, process
from training.errors import UserError
from training.files import write_json
from training.recipe import Recipe
from ui.look import CSS, theme
from ui.pace import SECONDS_BETWEEN_LOOKS
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


class Viewer:
    """What Gradio tells a handler of the page that asks."""

    def __init__(self, session_hash: str) -> None:
        self.session_hash = session_hash


def test_the_more_pages_look_at_a_run_the_seldomer_each_one_does(demo: Any, own_home: Path) -> None:
    folder = home.runs_dir() / "now"
    folder.mkdir()
    write_json(folder / "spec.json", {"name": "now", "device": "cpu", "created": 0, "recipe": asdict(Recipe())})
    alive = {"pid": os.getpid(), "mark": process.start_mark(os.getpid())}
    write_json(folder / "status.json", {"run": "now", "phase": "training", "total": 10, **alive})
    timer = next(
        block
        for block in demo.blocks.values()
        if isinstance(block, gr.Timer) and block.value == SECONDS_BETWEEN_LOOKS[0]
    )
    tick = next(each for each in demo.fns.values() if (timer._id, "tick") in each.targets)
    turned = next(each for each in tick.outputs if isinstance(each, gr.Textbox))
    look = next(each for each in demo.fns.values() if (turned._id, "change") in each.targets)
    shown = next(each for each in tick.outputs if isinstance(each, gr.State))

    def paces() -> list[float]:
        """Of each page after it has looked."""
        found = []
        for number in range(200):
            told = tick.fn("en", Viewer(f"page {number}"), "now", {}, "loss", True, "", "all", None, "")
            found.append(look.fn("en", "now", told[shown], "loss", True, "", "all", None, "")[timer].value)
        return found

    first, *_, last = paces()
    assert first == SECONDS_BETWEEN_LOOKS[0] < last


def test_what_was_suggested_last_comes_from_the_page_with_the_settings_it_is_compared_with(demo: Any) -> None:
    """The server's own memory of it is newer than a form that was sent before the last answer came."""
    follow = [event for event in demo.fns.values() if event.name == "follow"]
    assert follow and not [each for event in follow for each in event.inputs if isinstance(each, gr.State)]


def test_no_choice_is_dropped_because_the_one_before_is_still_at_work(demo: Any) -> None:
    choosing = [
        event
        for event in demo.fns.values()
        for block, kind in event.targets
        if kind in ("input", "select") and event.fn and not isinstance(demo.blocks[block], gr.Tab)
    ]
    assert len(choosing) > 10 and {event.trigger_mode for event in choosing} == {"always_last"}


def test_an_event_that_shows_no_progress_has_no_component_to_mark(demo: Any) -> None:
    """Each that was ever marked costs the visitor's processor something at every later event."""
    seen = [event for event in demo.fns.values() if any(target is not None for target, _ in event.targets)]
    quiet = [event for event in seen if event.show_progress == "hidden"]
    assert len(quiet) > 100 and all(event.show_progress_on == [] for event in quiet)


@pytest.mark.parametrize("port", [-1, 99999999])
def test_a_port_that_cannot_be_is_a_sentence(port: int) -> None:
    with pytest.raises(UserError) as caught:
        app.refuse_taken_port("127.0.0.1", port)
    assert caught.value.code == "recipe_port"


@pytest.mark.parametrize(("variable", "host"), [("MODEL_REPO", "0.0.0.0"), ("NOTHING", "127.0.0.1")])
def test_only_a_hosted_page_is_open_to_other_machines_by_itself(
    variable: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["app.py"])
    monkeypatch.delenv("GRADIO_SERVER_NAME", raising=False)
    monkeypatch.setenv(variable, "user/model")
    assert app.arguments().host == host
    monkeypatch.setenv("GRADIO_SERVER_NAME", "::1")
    assert app.arguments().host == "::1"
