from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from serving.process import ModelProcess
from serving.stage import Stage
from training.process import start_mark

Maker = Callable[..., ModelProcess]


def stage_of(puppet: Maker) -> Stage:
    return Stage(lambda folder: puppet(folder=folder))


def test_a_model_asked_for_twice_is_loaded_once(puppet: Maker, tmp_path: Path) -> None:
    stage = stage_of(puppet)
    assert stage.folder is None
    first = stage.use(tmp_path)
    assert stage.use(tmp_path) is first
    assert stage.folder == tmp_path


def test_the_model_before_is_gone_when_the_next_one_comes(puppet: Maker, tmp_path: Path) -> None:
    stage = stage_of(puppet)
    first = stage.use(tmp_path / "a")
    first.ready()
    pid = first.pid
    assert pid
    second = stage.use(tmp_path / "b")
    assert start_mark(pid) is None
    assert stage.folder == second.folder == tmp_path / "b"


def test_release_frees_the_memory_and_the_stage_can_be_used_again(puppet: Maker, tmp_path: Path) -> None:
    stage = stage_of(puppet)
    pid = stage.use(tmp_path).pid
    assert pid
    stage.release()
    stage.release()
    assert stage.folder is None
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
    assert {process.folder for process in used if process.pid is not None} == {stage.folder}
