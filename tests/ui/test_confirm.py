"""What is asked before something is lost is what happens then, whatever is chosen or typed in the meantime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from serving.stage import Stage
from tests.training.conftest import Behave, ended, wait_for
from tests.training.conftest import fake_xtuner as fake_xtuner
from tests.training.conftest import tiny as tiny
from tests.training.conftest import who as who
from tests.ui.test_picture_pane import pictures as pictures
from tests.ui.visitor import Visitor, english
from training import dataset, mixing, presets, runs
from training.eyes import album as albums
from training.eyes import binding, picture_sets
from training.eyes.llava import Talk
from training.identity import Row
from training.importing import desk
from training.preset_file import Preset
from training.recipe import Recipe
from ui.dataset_tab import dataset_tab
from ui.draft import Draft
from ui.import_pane import import_pane, wire_importing
from ui.mix_pane import mix_pane, wire_mixing
from ui.picture_pane import PicturePane
from ui.preset_pane import preset_pane, wire_presets
from ui.preview_pane import preview_pane
from ui.recipe_form import recipe_form
from ui.run_actions import queueing, run_actions
from ui.run_actions import wire as wire_actions
from ui.run_panel import run_panel
from ui.saved_datasets import saved_datasets
from ui.train_tab import train_tab


def answers(name: str) -> list[str]:
    return [each.messages[-1]["content"] for each in dataset.load(name)]


def row(said: str) -> Row:
    return Row(({"role": "user", "content": "Hi"}, {"role": "assistant", "content": said}), "general", "en")


@pytest.fixture
def three() -> None:
    """Three datasets, each of which says its own name."""
    for name in ("a", "b", "c"):
        dataset.save(name, [row(name)])


def test_the_dataset_that_was_asked_about_is_deleted_and_another_one_stays_chosen(three: None) -> None:
    with gr.Blocks() as demo:
        saved = saved_datasets(english())
    visitor = Visitor(demo)
    visitor.gets(saved.refreshed("en", "a"))
    visitor.presses("Delete")
    assert "“a”" in visitor.questions[0]
    visitor.enters("Choose a dataset", "b")
    visitor.presses("Delete it")
    assert sorted(dataset.names()) == ["b", "c"]
    assert visitor.sees(saved.chosen) == "b" and not visitor.questions


def field_above(visitor: Visitor, button: str) -> Any:
    form = visitor.button(button).parent.parent.children[0]
    return form.children[0]


def test_the_dataset_that_was_asked_about_is_replaced(three: None) -> None:
    with gr.Blocks() as demo:
        tab = dataset_tab(english())
    visitor = Visitor(demo)
    visitor.gets(tab.saved.refreshed("en", "b"))
    visitor.presses("Open")
    name = field_above(visitor, "Save")
    visitor.enters(name, "a")
    visitor.presses("Save")
    assert "“a”" in visitor.questions[0]
    visitor.enters(name, "c")
    visitor.presses("Replace it")
    assert [answers(each) for each in ("a", "b", "c")] == [["b"], ["b"], ["c"]]
    assert visitor.sees(name) == "a"


def test_whether_to_replace_is_no_question_any_more_when_another_dataset_is_opened(three: None) -> None:
    with gr.Blocks() as demo:
        tab = dataset_tab(english())
    visitor = Visitor(demo)
    visitor.gets(tab.saved.refreshed("en", "b"))
    visitor.presses("Open")
    visitor.enters(field_above(visitor, "Save"), "a")
    visitor.presses("Save")
    assert visitor.questions
    visitor.enters("Choose a dataset", "c")
    visitor.presses("Open")
    assert not visitor.questions


def test_an_import_replaces_the_dataset_that_was_asked_about(three: None, tmp_path: Path) -> None:
    with gr.Blocks() as demo:
        text = english()
        preview, saved, pane = preview_pane(text), saved_datasets(text), import_pane(text)
        wire_importing(text, pane, preview, saved)
    (tmp_path / "mine.csv").write_text("question,answer\nHi,mine\n", encoding="utf-8")
    current = desk.start(tmp_path / "mine.csv")
    wait_for(lambda: not desk.look(current).live)
    visitor = Visitor(demo)
    visitor.gets(pane.showing(current, desk.look(current), "en"))
    visitor.enters(pane.save_as, "a")
    visitor.presses("Save the good rows")
    assert "“a”" in visitor.questions[0]
    visitor.enters(pane.save_as, "b")
    visitor.presses("Replace it")
    assert [answers(each) for each in ("a", "b", "c")] == [["mine"], ["b"], ["c"]]


def test_a_mix_replaces_the_dataset_that_was_asked_about(three: None) -> None:
    with gr.Blocks() as demo:
        text = english()
        preview, saved, pane = preview_pane(text), saved_datasets(text), mix_pane(text)
        wire_mixing(text, pane, preview, saved)
    visitor = Visitor(demo)
    visitor.enters("Datasets to mix", ["b", "c"])
    visitor.enters(pane.name, "a")
    visitor.presses("Mix and save")
    visitor.enters(pane.name, "b")
    visitor.presses("Replace it")
    current = visitor.sees(pane.current)
    wait_for(lambda: not mixing.look(current).live)
    assert mixing.finish(current) == "a"
    assert sorted(answers("a")) == ["b", "c"] and answers("b") == ["b"]


def test_the_preset_that_was_asked_about_is_replaced_or_deleted() -> None:
    for name in ("a", "b"):
        presets.save(Preset(name, {"learning_rate": 1e-4}))
    with gr.Blocks() as demo:
        text = english()
        form, pane = recipe_form(text), preset_pane(text)
        others = {name: gr.Textbox("") for name in ("model", "dataset", "suggested")}
        explain = {"fn": lambda: None, "inputs": None, "outputs": None}
        wire_presets(text, pane, Draft("train", {**others, **form}), explain)
    visitor = Visitor(demo)
    visitor.gets(pane.refreshed(name="a"))
    visitor.enters(pane.name, "a")
    visitor.presses("Save as preset")
    assert "“a”" in visitor.questions[0]
    visitor.enters(pane.name, "b")
    visitor.presses("Replace it")
    assert presets.load("a").settings != presets.load("b").settings == {"learning_rate": 1e-4}

    visitor.presses("Delete")
    visitor.enters("Preset", "b")
    visitor.presses("Delete it")
    assert presets.names() == ["b"] and visitor.sees(pane.chosen) == "b"


def said(album: str, answer: str) -> None:
    """Let the album hold one conversation."""
    with albums.changed(album) as now:
        now.talks = [Talk(("Hi", answer))]


def test_the_picture_set_that_was_asked_about_is_replaced_or_deleted(pictures: tuple[Visitor, PicturePane]) -> None:
    visitor, pane = pictures
    album = albums.new()
    for name in ("a", "b"):
        said(album.id, name)
        binding.save(albums.load(album.id), name)
    mine = albums.new()
    said(mine.id, "mine")
    visitor.gets({**pane.editor.showing(albums.load(mine.id), "en"), **pane.saving.showing(albums.load(mine.id))})
    visitor.enters(pane.saving.mixing, False)
    visitor.enters(pane.saving.name, "a")
    visitor.presses("Save the picture set")
    assert "“a”" in visitor.questions[0]
    visitor.enters(pane.saving.name, "b")
    visitor.presses("Replace it")
    assert [picture_sets.load(name).talks[0].turns[1] for name in ("a", "b")] == ["mine", "b"]

    visitor.enters("Saved picture sets", "a")
    visitor.presses("Delete this set")
    visitor.enters("Saved picture sets", "b")
    visitor.presses("Delete it")
    assert picture_sets.names() == ["b"] and visitor.sees(pane.saving.chosen) == "b"


def test_the_run_that_was_asked_about_is_stopped_and_the_question_names_it(
    fake_xtuner: Behave, who: str, tiny: str
) -> None:
    fake_xtuner("slow")
    first = runs.start(who, tiny, Recipe(steps=400))
    second = runs.start(who, tiny, Recipe(steps=400), queue=True)
    runs.rename(first, "The first")
    wait_for(lambda: runs.look(first).phase == "training")
    with gr.Blocks() as demo:
        panel = run_panel(english(), Stage())
    visitor = Visitor(demo)
    visitor.gets(panel.following(first, "en"))
    visitor.presses("Stop")
    assert "The first" in visitor.questions[0]
    visitor.gets(panel.following(second, "en"))
    visitor.presses("Stop and discard")
    assert not runs.look(first).live and runs.look(second).live and not visitor.questions
    assert visitor.sees(panel.run) == second
    runs.stop(second)


def test_the_picture_that_was_asked_about_is_removed(
    pictures: tuple[Visitor, PicturePane], monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor, pane = pictures
    editor, removed = pane.editor, list[str]()

    def remove(name: str, picture: str) -> albums.Album:
        removed.append(picture)
        return albums.load(name)

    monkeypatch.setattr(albums, "remove", remove)
    visitor.gets({editor.album: albums.new().id, editor.chosen: "a.png", editor.said: "What is it?"})
    visitor.does(editor.remove, "click")
    assert "Remove this picture and what is written about it?" in visitor.sees(editor.removing.question)
    visitor.enters(editor.chosen, "b.png")
    visitor.does(editor.removing.yes, "click")
    assert removed == ["a.png"]


@pytest.mark.parametrize("button", ["resume", "remedy"])
def test_the_run_that_was_asked_about_waits_for_its_turn(button: str, fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("crash")
    failed = []
    for _ in range(2):
        failed.append(runs.start(who, tiny, Recipe(steps=10, save_every=2)))
        ended(failed[-1])
    fake_xtuner("slow")
    runs.start(who, tiny, Recipe(steps=500))
    with gr.Blocks() as demo:
        text, run = english(), gr.Dropdown(failed, value=failed[0])
        actions, question = run_actions(text, Stage()), queueing(text)
        wire_actions(text, Stage(), actions, question, run, [], lambda chosen, *_: {run: chosen}, [run])
    visitor = Visitor(demo)
    visitor.enters(actions.wanted, f"{failed[0]}/4")
    visitor.does(getattr(actions, button), "click")
    assert "Wait behind it?" in visitor.questions[0]
    visitor.enters(run, failed[1])
    visitor.enters(actions.wanted, f"{failed[1]}/2")
    visitor.presses("Queue it")
    assert runs.queued() == [failed[0]] and not visitor.questions


def test_a_new_run_waits_for_its_turn_with_the_settings_that_were_asked_about(
    fake_xtuner: Behave, who: str, tiny: str
) -> None:
    fake_xtuner("slow")
    first = runs.start(who, tiny, Recipe(steps=500))
    with gr.Blocks() as demo:
        tab = train_tab(english(), Stage())
        tab.drafts[0].stored.render()
    visitor = Visitor(demo)
    steps = tab.drafts[0].fields["steps"]
    visitor.gets({tab.model: tiny, tab.dataset: who})
    visitor.enters(steps, 7, "input")
    visitor.presses("Start training")
    assert "Wait behind it?" in visitor.questions[0]
    visitor.enters(steps, 9)
    visitor.presses("Queue it")
    (second,) = runs.queued()
    assert runs.spec(second)["recipe"]["steps"] == 7 and not visitor.questions
    runs.stop(second)
    runs.stop(first)
