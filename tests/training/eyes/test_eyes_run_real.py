"""A run with pictures through the real XTuner, with tiny random weights: it learns nothing, but does everything."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.conftest import ended, wait_for
from tests.training.eyes.seeing_runs import WHO
from training import exam, merge, runs
from training.exam import ALL, BASE, SEEING, certificate, recommendation
from training.eyes import example, seeing
from training.eyes.eyes_recipe import FINETUNE, PRETRAIN
from training.eyes.llava_config import Places
from training.models import STARTER, starter, starter_eyes
from training.runs import progress

pytestmark = pytest.mark.real

AMOUNTS = example.Amounts(pictures=16, held_out=4, with_picture=2, identity=4, others=4)
RECIPE = replace(
    FINETUNE,
    steps=200,
    save_every=3,
    batch_size=2,
    lora_rank=4,
    method="qlora",
    evaluation_inputs=("What is it?",),
    evaluation_tokens=4,
)
EYES = replace(PRETRAIN, pretrain_steps=2, pretrain_batch_size=2, encoder_lora_rank=2)


@pytest.fixture
def tiny_home(own_home: Path, tiny: Places) -> Path:
    """A HOME in which the starter and its eyes are tiny."""
    shutil.copytree(tiny.model, own_home / "models" / starter.STARTER_FOLDER, copy_function=os.link)
    shutil.copytree(tiny.encoder, own_home / "models" / starter_eyes.EYES_FOLDER, copy_function=os.link)
    return own_home


def test_both_stages_stopped_kept_gone_on_with_examined_and_merged(tiny_home: Path) -> None:
    example.save("drawn", WHO, amounts=AMOUNTS)
    run = runs.start("drawn", STARTER, RECIPE, eyes=EYES)
    wait_for(lambda: not runs.look(run).live or (runs.look(run).phase == "training" and runs.look(run).step >= 1), 300)
    runs.stop(run, keep=True)
    wait_for(lambda: not runs.look(run).live, 600)
    stopped, folder = ended(run), runs.folder(run)
    assert stopped.phase == "stopped" and 1 <= stopped.step < 200, stopped.reason
    samples = progress.samples(folder)
    assert {sample.question for sample in samples} == {"What is it?"}
    assert {sample.step for sample in samples} >= {0}
    end = stopped.step + 3
    spec = runs.spec(run)
    (folder / "spec.json").write_text(json.dumps({**spec, "recipe": {**spec["recipe"], "steps": end}}))
    runs.resume(run, changes={"save_every": 2})
    wait_for(lambda: not runs.look(run).live, 600)
    final = ended(run)
    assert (final.phase, final.step, final.resumed_from) == ("done", end, stopped.step), final.reason
    reports = {report.step: report for report in exam.load(folder)}
    assert {BASE, stopped.step, end} <= set(reports)
    assert set(reports[BASE].scores[ALL].seeing) == set(SEEING) == set(reports[end].scores[ALL].seeing)
    looked = {step: sum(bool(each.picture) for each in report.answers) for step, report in reports.items()}
    chosen = recommendation.load(folder)
    assert chosen and looked[BASE] == min(looked.values()) < looked[chosen.step], "the base sits half, as a quick exam"
    assert chosen.step in reports and not chosen.passed, "nobody learns to see in a few steps"
    assert merge.origin(folder / "merged")["step"] == chosen.step
    assert set(merge.whole_checkpoints(folder / "work")) == {chosen.iteration, end}, "the chosen and the last one stay"
    assert {file.suffix for file in certificate.files(folder)} == {".html", ".md", ".svg"}
    _answers_alike(folder, reports[chosen.step])


def _answers_alike(folder: Path, report: exam.Report) -> None:
    """The merged model says what its checkpoint said in the exam, the one before what the base did."""
    import torch

    torch.set_float32_matmul_precision("highest")  # a test before this one may have trained in this very process
    for made, sat in (("merged", report), ("before", next(each for each in exam.load(folder) if each.step == BASE))):
        asked = [answer for answer in sat.answers if answer.kind in ("colour", "identity", "identity_with_picture")][
            :12
        ]
        questions = [{"text": answer.question, "picture": answer.picture} for answer in asked]
        said = seeing.answers(*seeing.load(folder / made), questions, folder / "data")
        assert said == [answer.answer for answer in asked], made
