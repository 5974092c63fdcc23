from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from training import machine, probe
from training.machine import Gpu, Machine
from training.recipe import Recipe


def test_the_few_steps_are_taken_on_the_gpu_that_the_run_would_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def started(command: list[str], env: dict[str, str], **_: Any) -> Any:
        given.update(env)
        return SimpleNamespace(pid=1, poll=lambda: 0, returncode=0)

    monkeypatch.setattr(machine, "look", lambda: Machine(8, 64.0, (Gpu("A", 80.0, 8.0), Gpu("B", 80.0, 8.0))))
    monkeypatch.setattr(probe.subprocess, "Popen", started)
    probe._train(tmp_path, Recipe(gpus=(1,)), lambda _: None)
    assert given["CUDA_VISIBLE_DEVICES"] == "1"
