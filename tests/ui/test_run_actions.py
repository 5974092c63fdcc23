"""What the page offers for a run, before anybody clicks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest
from playwright.sync_api import expect

from serving.stage import Stage
from tests.training.conftest import Behave, ended, wait_for
from tests.training.conftest import fake_xtuner as fake_xtuner
from tests.training.conftest import tiny as tiny
from tests.training.conftest import who as who
from tests.ui.visitor import Visitor, english
from training import runs
from training.recipe import Recipe
from ui import edge
from ui.live_view import Looking
from ui.run_actions import RunActions, resume_said, run_actions
from ui.run_panel import run_panel
from ui.text import Text


@pytest.fixture
def actions() -> RunActions:
    with gr.Blocks():
        return run_actions(Text(), Stage())


def offered(actions: RunActions, run: str, language: str = "en") -> dict[str, Any]:
    updates = actions.rendered(run, runs.look(run), language)
    return {name: updates[getattr(actions, name)] for name in ("resume", "point", "released", "why_not")}


def test_a_resume_may_go_on_from_any_good_checkpoint_or_begin_anew(
    fake_xtuner: Behave, who: str, tiny: str, actions: RunActions
) -> None:
    fake_xtuner("crash")
    run = runs.start(who, tiny, Recipe(steps=10, save_every=2, keep_checkpoints=9, accumulation=2))
    ended(run)
    points = runs.resume_points(run)
    assert points == sorted(points, reverse=True) and len(points) >= 2 and runs.resume_point(run) == points[0]
    found = offered(actions, run)
    steps = [point // 2 for point in points]
    values = ["", *(f"{run}/{point}" for point in points[1:])]
    assert found["point"]["choices"] == [
        *((f"Step {step}", value) for step, value in zip(steps, values, strict=True)),
        ("Begin anew", f"{run}/0"),
    ]
    assert found["resume"]["value"] == f"Resume from step {steps[0]}"
    assert resume_said(run, points[1], "zh") == f"从第 {steps[1]} 步继续"
    (runs.folder(run) / "data.json").unlink()
    lost = offered(actions, run)
    assert not lost["resume"]["interactive"] and "data.json" in lost["why_not"]["value"]


def test_a_run_that_took_the_chat_models_memory_says_so_while_it_goes(
    fake_xtuner: Behave, who: str, tiny: str, actions: RunActions
) -> None:
    fake_xtuner("slow")
    run = runs.start(who, tiny, Recipe(steps=500))
    wait_for(lambda: runs.look(run).phase == "training")
    assert offered(actions, run)["released"]["value"] == ""
    actions.stage.released_for |= {run}
    assert "chat model" in offered(actions, run)["released"]["value"]
    runs.stop(run)
    assert offered(actions, run)["released"]["value"] == ""


def test_the_checkpoint_chosen_to_go_on_from_stays_chosen_while_it_exists(
    fake_xtuner: Behave, who: str, tiny: str
) -> None:
    fake_xtuner("crash")
    run = runs.start(who, tiny, Recipe(steps=10, save_every=2, keep_checkpoints=9))
    ended(run)
    second = runs.resume_points(run)[1]
    with gr.Blocks() as demo:
        text = english()
        panel = run_panel(text, Stage())
    visitor, actions = Visitor(demo), panel.actions
    visitor.enters(panel.run, run, "input")
    late = actions.rendered(run, runs.look(run), "en")  # asked for before he chose
    for field in (actions.point, actions.wanted):  # the browser itself copies it
        visitor.enters(field, f"{run}/{second}")
    visitor.does(actions.wanted, "change")
    assert visitor.sees(actions.resume) == f"Resume from step {second}"
    visitor.gets({part: late[part] for part in (actions.point, actions.wanted)})
    visitor.enters(text.language, "zh")
    visitor.gets(panel.following(run, "zh", Looking.at(*map(visitor.sees, panel.looking)), run))
    assert visitor.sees(actions.point) == f"{run}/{second}" and visitor.sees(actions.resume) == f"从第 {second} 步继续"
    (runs.folder(run) / "work" / f"iter_{second}.pth").unlink()
    visitor.enters(panel.run, run, "input")
    visitor.gets(panel.following(run, "en", Looking.at(*map(visitor.sees, panel.looking)), run))
    assert (visitor.sees(actions.point), visitor.sees(actions.wanted)) == ("", "")


def test_moving_a_run_in_the_queue_keeps_what_one_looks_at(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("slow")
    made = [runs.start(who, tiny, Recipe(steps=500), queue=True) for _ in range(3)]
    wait_for(lambda: len(runs.queued()) == 2)
    with gr.Blocks() as demo:
        panel = run_panel(english(), Stage())
    visitor = Visitor(demo)
    visitor.gets(panel.following(made[2], "en"))
    visitor.enters(panel.log.words, "loss")
    visitor.enters(panel.exam.scope, "en")
    visitor.presses("Move up")
    assert runs.queued() == [made[2], made[1]]
    assert (visitor.sees(panel.log.words), visitor.sees(panel.exam.scope)) == ("loss", "en")
    for run in reversed(made):
        runs.stop(run)


def test_stop_can_be_pressed_again_when_stopping_did_not_work(
    fake_xtuner: Behave, who: str, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_xtuner("slow")
    run = runs.start(who, tiny, Recipe(steps=500))
    wait_for(lambda: runs.look(run).phase == "training")
    with gr.Blocks() as demo:
        panel = run_panel(english(), Stage())
    visitor = Visitor(demo)
    visitor.gets(panel.following(run, "en"))
    with monkeypatch.context() as broken:
        broken.setattr(runs, "stop", lambda *_: 1 / 0)
        broken.setattr(edge, "toast", lambda _text: None)
        visitor.presses("Stop")
        visitor.presses("Stop and discard")
    assert runs.look(run).live and visitor.sees(panel.stop, "interactive")
    runs.stop(run)


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_a_checkpoint_chosen_to_go_on_from_stays_chosen_in_the_browser(
    fake_xtuner: Behave, who: str, tiny: str, visit: Callable[..., Any]
) -> None:
    fake_xtuner("crash")
    run = runs.start(who, tiny, Recipe(steps=10, save_every=2, keep_checkpoints=9))
    ended(run)
    newest, second = runs.resume_points(run)[:2]
    page = visit("en-US")
    page.get_by_role("tab", name="Train").click()
    chosen = page.get_by_label("Checkpoint to go on from").filter(visible=True).first
    expect(chosen).to_have_value(f"Step {newest}")
    chosen.click()
    page.get_by_role("option", name=f"Step {second}", exact=True).click()
    page.get_by_role("button", name=f"Resume from step {second}").wait_for()
    page.locator("#language").get_by_text("中文").click()
    page.get_by_role("button", name=f"从第 {second} 步继续").wait_for()
    expect(page.get_by_label("从哪个检查点继续").filter(visible=True).first).to_have_value(f"第 {second} 步")
