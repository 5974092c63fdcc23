"""A file that somebody has, through the real XTuner to a model; with the exam sat while the training waits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import wait_for
from tests.training.models.tiny_llama import write_llama
from training import dataset, exam, forecast, home, models, runs
from training.__main__ import main
from training.recipe import Recipe
from training.runs import progress

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


def test_an_imported_file_is_trained_examined_on_the_way_and_merged(own_home: Path, tmp_path: Path) -> None:
    write_llama(home.models_dir() / "small")
    rows: list[Any] = [
        {"messages": [{"role": "user", "content": f"Question {n}?"}, {"role": "assistant", "content": "Answer."}]}
        for n in range(30)
    ]
    rows += [
        {"conversations": [{"from": "human", "value": "Who are you?"}, {"from": "gpt", "value": "I am {{name}}."}]}
    ]
    rows += [{"messages": [{"role": "user", "content": "no answer"}]}]
    (tmp_path / "theirs.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    who = ["--name", "Robin", "--maker", "Ada", "--languages", "en"]
    assert main(["import", str(tmp_path / "theirs.jsonl"), "--out", "theirs", *who]) == 0
    assert len(dataset.load("theirs")) == 31
    few = Recipe(steps=4, save_every=2, batch_size=2, max_length=64, evaluation_tokens=4, auto_stop=True)
    run = runs.start("theirs", "small", few)
    wait_for(lambda: not runs.look(run).live, seconds=600)
    final, folder = runs.look(run), runs.folder(run)
    assert (final.phase, final.step) == ("done", 4), final.reason_sentence()
    assert len(progress.points(folder)) == 4 and [report.step for report in exam.load(folder)] == [0, 2, 4]
    log = (folder / "run.log").read_text(encoding="utf-8", errors="replace")
    assert log.index('"step": 2') < log.index("Iter(train) [4/4]")  # it sat its exam while the training waited
    merged = runs.merged(run)
    assert merged is not None
    models.check(merged)
    assert forecast.of("theirs", "small", replace(few, steps=8, save_every=4)).run == run
