from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers

from serving.stage import Stage
from serving.visitors import Visitors
from training import dataset, identity, models
from training.persona import Persona
from ui.arrival import Arrival, language_of
from ui.guest_page import guest_page
from ui.page import page
from ui.text import COOKIE


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({}, "zh"),
        ({"accept-language": "en-US,en"}, "en"),
        ({"accept-language": "en-US,en", "cookie": f"other=1; {COOKIE}=zh"}, "zh"),
        ({"accept-language": "zh-CN", "cookie": f"{COOKIE}=en"}, "en"),
        ({"accept-language": "zh-CN", "cookie": f"{COOKIE}=xx"}, "zh"),
        ({"accept-language": "en", "cookie": 'rubbish; "=;;'}, "en"),
    ],
)
def test_what_he_chose_last_comes_before_what_his_browser_says(headers: dict[str, str], language: str) -> None:
    assert language_of(Headers(headers)) == language


def arrived(demo: Any, language: str) -> dict[str, Any]:
    """The page's config as a visitor of this language gets it."""

    found = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(demo.config)

    scope = {"type": "http", "headers": [(b"accept-language", language.encode())]}
    asyncio.run(Arrival(app)(scope, app, app))  # type: ignore[arg-type]
    return dict(found[0])


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("which", ["whole", "guests"])
def test_a_page_is_the_same_whatever_language_it_was_made_in(
    own_home: Any, monkeypatch: pytest.MonkeyPatch, language: str, which: str
) -> None:
    def made(first: str) -> list[tuple[str, Any]]:
        monkeypatch.setattr("ui.text.DEFAULT", first)
        demo = page(Stage()) if which == "whole" else guest_page(Stage(), Visitors())
        return [(each["type"], each["props"]) for each in arrived(demo, language)["components"]]

    theirs, ours = made("zh"), made("en")
    assert len(theirs) == len(ours) > 20
    for one, other in zip(theirs, ours, strict=True):
        assert one == other


def test_making_the_page_leaves_gradios_own_config_alone(own_home: Any) -> None:
    demo = page(Stage())
    before = str(demo.config)
    assert "Build the conversations" in str(arrived(demo, "en")) and "Build the conversations" not in before
    assert str(demo.config) == before


def test_a_page_arrives_with_what_there_is_to_choose_and_gradio_takes_it(own_home: Path) -> None:
    demo = page(Stage())
    before = arrived(demo, "en")
    dataset.save("who", identity.build(Persona("Sunny", "Ada"))[:4])
    now = dropdowns(arrived(demo, "en"))
    assert now["Choose a dataset"] == now["Dataset"] == ([("who", "who")], "who")
    assert now["Model"][1] == models.STARTER
    assert dropdowns(before)["Dataset"] == ([], None)
    dataset_of_training = next(each for each in demo.blocks.values() if getattr(each, "label", "") == "数据集")
    assert dataset_of_training.preprocess("who") == "who"
    renamed = type(dataset_of_training)(**{**dataset_of_training.constructor_args, "label": "Dataset", "render": False})
    assert renamed.preprocess("who") == "who"


def dropdowns(config: dict[str, Any]) -> dict[str, Any]:
    """Choices and value by label."""
    found = [each["props"] for each in config["components"] if each["type"] == "dropdown"]
    return {props["label"]: (props["choices"], props.get("value")) for props in found}
