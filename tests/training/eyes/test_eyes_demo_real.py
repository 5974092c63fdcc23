"""The demo with pictures through the real XTuner, with tiny random weights: it learns nothing, but does everything."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from training.eyes import demo, example
from training.eyes.llava_config import Places
from training.models import starter, starter_eyes
from training.persona import Persona

pytestmark = pytest.mark.real

WHO = Persona("Robin", "Ada Lin", languages=("en",))
AMOUNTS = example.Amounts(pictures=8, held_out=4, with_picture=2, identity=4, others=4)
SHORT = {
    "pretrain": replace(demo.PRETRAIN, iterations=2),
    "finetune": replace(demo.FINETUNE, iterations=2),
    "amounts": AMOUNTS,
}


@pytest.fixture
def tiny_home(own_home: Path, tiny: Places) -> Path:
    """A HOME in which the starter and its eyes are tiny."""
    shutil.copytree(tiny.model, own_home / "models" / starter.STARTER_FOLDER, copy_function=os.link)
    shutil.copytree(tiny.encoder, own_home / "models" / starter_eyes.EYES_FOLDER, copy_function=os.link)
    return own_home


def test_both_stages_the_merge_and_the_exam_leave_a_model_and_its_marks(tiny_home: Path) -> None:
    said: list[str] = []
    told = demo.demo(WHO, said.append, **SHORT)  # type: ignore[arg-type]
    assert told["ok"] is False, "nobody learns to see in two steps"
    assert set(told["exam"]) == {
        "colour",
        "shape",
        "count",
        "place",
        "is_it",
        "identity_with_picture",
        "identity",
        "other",
    }
    assert told["counts"]["colour"] == AMOUNTS.held_out
    folder = Path(told["model"]).parent
    assert folder.parent == tiny_home / "eyes"
    first, second = ((folder / stage / "config.py").read_text() for stage in ("pretrain", "finetune"))
    assert "llm_lora" not in first and "llm_lora" in second
    assert repr(str(folder / "pretrain" / "work" / "iter_2.pth")) in second
    exam = json.loads((folder / "exam.json").read_text())
    assert exam["rates"] == told["exam"] and len(exam["answers"]) == sum(told["counts"].values())
    assert (folder / "merged" / "model.safetensors").is_file()
    assert "merging" in said and "examining" in said
