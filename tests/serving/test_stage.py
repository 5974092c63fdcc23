from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from serving.process import ModelProcess
from serving.stage import Stage, has_room
from training.process import start_mark

Maker = Callable[..., ModelProcess]


def stage_of(puppet: Maker, room: bool = False) -> Stage:
    return Stage(lambda folder: puppet(folder=folder), lambda folder: room)


def test_a_model_asked_for_twice_is_loaded_once(puppet: Maker, tmp_path: Path) -> None:
    stage = stage_of(puppet)
    assert stage.folders == []
    first = stage.use(tmp_path)
    assert stage.use(tmp_path) is first
    assert stage.folders == [tmp_path]


def test_the_model_before_is_gone_when_the_next_one_comes(puppet: Maker, tmp_path: Path) -> None:
    stage = stage_of(puppet)
    first = stage.use(tmp_path / "a")
    first.ready()
    pid = first.pid
    assert pid
    second = stage.use(tmp_path / "b")
    assert start_mark(pid) is None
    assert stage.folders == [second.folder] == [tmp_path / "b"]


def test_two_models_stay_while_there_is_room_and_the_third_takes_the_place_of_the_older(
    puppet: Maker, tmp_path: Path
) -> None:
    stage = stage_of(puppet, room=True)
    before, after = stage.use(tmp_path / "a"), stage.use(tmp_path / "b")
    assert stage.use(tmp_path / "a") is before and before.folder != after.folder
    assert stage.folders == [tmp_path / "b", tmp_path / "a"]
    stage.use(tmp_path / "c")
    assert stage.folders == [tmp_path / "a", tmp_path / "c"]
    assert after.pid is None and before.pid is not None


def test_weights_that_were_replaced_are_loaded_anew(puppet: Maker, tmp_path: Path) -> None:
    stage, folder = stage_of(puppet, room=True), tmp_path / "merged"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    old = stage.use(folder)
    assert stage.use(folder) is old
    folder.rename(tmp_path / "aside")
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    assert stage.use(folder) is not old
    assert old.pid is None and stage.folders == [folder]


def test_a_model_that_is_larger_than_the_memory_has_no_room(tmp_path: Path) -> None:
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(2**42)  # sparse: it takes no disk
    assert not has_room(tmp_path)


def test_release_frees_the_memory_and_the_stage_can_be_used_again(puppet: Maker, tmp_path: Path) -> None:
    stage = stage_of(puppet)
    pid = stage.use(tmp_path).pid
    assert pid
    stage.release()
    stage.release()
    assert stage.folders == []
    assert start_mark(pid) is None
    stage.use(tmp_path).ready()


def test_many_visitors_at_once_leave_one_model_on_stage(puppet: Maker, tmp_path: Path) -> None:
    stage = stage_of(puppet)
    used: list[ModelProcess] = []
    visitors = [
        threading.Thread(target=lambda name=name: used.append(stage.use(tmp_path / name)))
        for name in ("a", "b", "a", "b")
    ]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join(20)
    assert {process.folder for process in used if process.pid is not None} == set(stage.folders)
