from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest
from playwright.sync_api import expect

from serving.album import Album
from tests.training.models.tiny import write_talker
from tests.ui.test_conversation import Talker
from tests.ui.visitor import Visitor, english
from training import home, models, runs
from training.persona import Persona
from ui.cast import Shown, cast, exam_choices, pane_html, system_prompt, unasked
from ui.compare import compare

NASTY = "<img src=x onerror=alert(1)>"


@pytest.fixture
def run(own_home: Path) -> str:
    """An ended run with its base and its merged model."""
    base = write_talker(home.models_dir() / "tiny")
    folder = home.runs_dir() / "one"
    write_talker(folder / "merged")
    origin = {"step": 2, "iteration": 2, "base": str(base)}
    (folder / "merged" / "studio.json").write_text(json.dumps(origin))
    (folder / "merged" / "model.safetensors").write_bytes(_other((base / "model.safetensors").read_bytes()))
    card = {"persona": {"name": NASTY, "maker": "Ada", "base": "b", "languages": ["zh", "en"]}}
    spec = {"model": "tiny", "model_folder": str(base), "card": card, "recipe": {"accumulation": 1}}
    (folder / "spec.json").write_text(json.dumps(spec))
    return folder.name


def _other(weights: bytes) -> bytes:
    return weights[:-4] + b"\0\0\0\1"


def test_the_base_pane_is_never_served_by_the_trained_model(run: str) -> None:
    actors = cast(run, "Who are you?")
    assert list(actors) == ["base", "tuned", "prompted"]
    assert actors["base"].folder == actors["prompted"].folder == home.models_dir() / "tiny"
    assert actors["tuned"].folder == runs.merged(run) and not actors["base"].system
    base, tuned = (models.weights_hash(actors[role].folder) for role in ("base", "tuned"))
    assert base != tuned
    assert base in pane_html("base", Shown(actors["base"], "hi"), "en")
    assert base in pane_html("prompted", Shown(actors["prompted"], "hi"), "en")
    assert tuned in pane_html("tuned", Shown(actors["tuned"], "hi"), "zh")


def test_a_run_with_eyes_is_compared_with_what_it_was_after_its_first_stage(run: str) -> None:
    before = write_talker(home.runs_dir() / run / "before")
    actors = cast(run, "What is it?")
    assert actors["base"].folder == actors["prompted"].folder == before
    assert "After the first stage" in pane_html("base", Shown(actors["base"]), "en")
    assert actors["tuned"].folder == runs.merged(run)


def test_a_base_model_alone_has_one_pane(run: str) -> None:
    assert list(cast("tiny", "Hi")) == ["base"]
    assert "nothing to be compared" in pane_html("tuned", unasked(cast("tiny", "Hi"), "tuned"), "en")


def test_a_run_without_a_persona_says_why_nobody_is_prompted(run: str) -> None:
    spec = home.runs_dir() / run / "spec.json"
    spec.write_text(json.dumps({**json.loads(spec.read_text()), "card": {}}))
    html = pane_html("prompted", unasked(cast(run, "Hi"), "prompted"), "en")
    assert "no system prompt" in html and "Choose a trained model" not in html


def test_the_system_prompt_speaks_the_language_of_the_question() -> None:
    persona = Persona("Robin", "Ada")
    assert system_prompt(persona, "你是谁").startswith("你叫Robin")
    assert system_prompt(persona, "Who are you?").startswith("Your name is Robin")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_a_model_says_is_shown_as_text(run: str, language: str) -> None:
    actor = cast(run, "x")["prompted"]
    html = pane_html("prompted", Shown(actor, NASTY), language)
    assert "<img" not in html and html.count("&lt;img") == 2


def test_the_exam_is_at_hand_by_kind(run: str) -> None:
    listed = exam_choices(run, "en")
    kinds = [label.partition(" · ")[0] for label, _ in listed]
    assert kinds == sorted(kinds, key=kinds.index) and len(set(kinds)) == 3 and len(listed) > 100
    assert exam_choices("tiny", "en") == exam_choices(None, "zh") == []


def test_answers_stay_when_the_language_is_switched(run: str) -> None:
    stage: Any = SimpleNamespace(folders=set(), use=lambda _folder: Talker("I am", " Robin."))
    with gr.Blocks() as demo:
        text = english()
        model = gr.Dropdown(label="Model", choices=[run])
        compare(text, stage, model, Album())
    visitor = Visitor(demo)
    visitor.enters(model, run, "change")
    visitor.enters("A question to all of them", "Who are you?")
    visitor.presses("Compare")
    visitor.enters(text.language, "zh", "change")
    panes = [str(visitor.sees(each)) for each in demo.blocks.values() if isinstance(each, gr.HTML)]
    (tuned,) = [pane for pane in panes if "训练后" in pane]
    assert "I am Robin." in tuned and sum("还没有提问" in pane for pane in panes) == 1  # the one that was not asked


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_one_question_goes_to_all_panes(run: str, visit: Any) -> None:
    page = visit("en-US")
    page.get_by_role("tab", name="Chat").click()
    page.locator(".compared small", has_text="weights").first.wait_for()  # who is compared is known by now
    page.get_by_label("Base with a system prompt", exact=True).check()
    page.get_by_placeholder("A question to all of them").fill("Who are you?")
    page.get_by_role("button", name="Compare", exact=True).click()
    said = page.locator(".compared .said")
    for place in range(3):
        expect(said.nth(place)).to_have_text("(nothing)", timeout=120_000)
    hashes = [page.locator(".compared small", has_text="weights").nth(place).inner_text() for place in range(3)]
    assert hashes[0] == hashes[2] != hashes[1]
    expect(page.get_by_role("button", name="Compare", exact=True)).to_be_enabled()
