"""Which run is published: the one that was chosen, and that the question was about."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from hub.address import Address, remote
from tests.hub.servers import TOKEN, Hub
from tests.hub.test_push import hub as hub
from tests.training.exam.test_certificate import run as run
from tests.training.models.tiny import write_talker
from tests.training.published import RUN, put_run
from tests.ui.visitor import Visitor, english
from training import publishing
from training.errors import UserError
from ui import app_pane
from ui.publish_panel import publish_panel

OTHER = "20260102-000000-robin-0002"
CHOSEN, REPO = "Trained model", "Model repo on OpenXLab"


@pytest.fixture
def page(run: Path, tmp_path: Path) -> tuple[Visitor, gr.Radio, gr.Dropdown]:
    """Somebody who talks to the starter; there are two runs with a model."""
    made = put_run(run, write_talker(tmp_path / "talker"))
    shutil.copytree(made, made.with_name(OTHER))
    with gr.Blocks() as demo:
        text = english()
        model = gr.Dropdown([RUN, OTHER, "starter"], value="starter", label="Model")
        publish_panel(text, model)
    visitor = Visitor(demo)
    visitor.does(next(each for each in demo.blocks.values() if isinstance(each, gr.Accordion)), "expand")
    return visitor, text.language, model


@pytest.fixture
def pushed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What was sent to a hub; here it goes nowhere."""
    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(publishing, "start", lambda *told: sent.append(told))
    return sent


def test_the_run_and_the_repo_that_the_question_was_about_are_published(
    page: tuple[Visitor, Any, Any], pushed: list[tuple[str, ...]]
) -> None:
    visitor, _, _ = page
    visitor.enters(CHOSEN, RUN)
    visitor.enters(REPO, "user/asked")
    visitor.enters("Access token (not kept)", "secret")
    visitor.presses("Publish ...")
    assert "user/asked" in visitor.questions[0].replace("\\", "")
    visitor.enters(CHOSEN, OTHER)
    visitor.enters(REPO, "user/other")
    visitor.presses("Publish")
    assert pushed == [(RUN, "user/asked", "", "secret")] and not visitor.questions


def test_another_run_is_another_question(page: tuple[Visitor, Any, Any]) -> None:
    visitor, _, _ = page
    visitor.enters(CHOSEN, RUN)
    visitor.enters(REPO, "user/asked")
    visitor.presses("Publish ...")
    visitor.enters(CHOSEN, OTHER, "change")
    assert not visitor.questions


def test_the_chosen_run_stays_when_the_language_or_the_folding_changes_and_follows_the_chats_model(
    page: tuple[Visitor, Any, Any],
) -> None:
    visitor, language, model = page
    chosen = visitor.field(CHOSEN)
    visitor.enters(model, RUN, "change")
    assert visitor.sees(chosen) == RUN
    visitor.enters(chosen, OTHER)
    visitor.enters(language, "zh", "change")
    visitor.does(chosen.parent.parent, "expand")
    assert visitor.sees(chosen) == OTHER
    visitor.enters(chosen, "gone")
    visitor.does(chosen.parent.parent, "expand")
    assert visitor.sees(chosen) == RUN


def test_the_machines_token_for_github_goes_to_no_other_server_that_a_visitor_types(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    with pytest.raises(UserError) as caught:
        app_pane._pushed(Address("openxlab", "user/model"), remote(f"{hub.url}/user/new"), "")
    assert caught.value.code == "hub_private"


def test_a_push_that_takes_too_long_is_not_called_cancelled(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_pane, "PATIENCE", 0)
    with pytest.raises(UserError) as caught:
        app_pane._pushed(Address("openxlab", "user/model"), remote(f"{hub.url}/user/new"), TOKEN)
    assert caught.value.code == "hub_push_slow"
