"""What tests of runs with pictures share: a tiny model, a tiny encoder, a small picture set, and the fake XTuner."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import Behave
from tests.training.models.tiny_llama import write_llama
from training import home, runs
from training.eyes import example, eyes_recipe, picture_sets
from training.eyes.eyes_recipe import EyesRecipe
from training.persona import Persona
from training.recipe import Recipe

WHO = Persona("Robin", "Ada Lin", languages=("en",))
FEW = example.Amounts(pictures=6, held_out=2, with_picture=2, identity=2, others=2)


@pytest.fixture(scope="session")
def fake_eyes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """model/ and encoder/ of a few kilobytes, and for the fake XTuner checkpoint.pth and parts/: a real projector."""
    import torch
    from safetensors.torch import save_file
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

    place = tmp_path_factory.mktemp("fake-eyes")
    write_llama(place / "model")
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4}
    CLIPVisionModel(CLIPVisionConfig(**sizes, image_size=28, patch_size=14)).save_pretrained(place / "encoder")
    square = {"height": 28, "width": 28}
    CLIPImageProcessor(size={"shortest_edge": 28}, crop_size=square).save_pretrained(place / "encoder")
    shapes = {"0.weight": (64, 32), "0.bias": (64,), "2.weight": (64, 64), "2.bias": (64,)}
    weights = {f"model.{name}": torch.rand(shape) for name, shape in shapes.items()}
    (place / "parts" / "projector").mkdir(parents=True)
    save_file(weights, place / "parts" / "projector" / "model.safetensors")
    named = {f"projector.{name}": each for name, each in weights.items()}
    torch.save({"state_dict": named, "optimizer": {"step": 1}}, place / "checkpoint.pth")
    return place


@pytest.fixture
def seeing(fake_xtuner: Behave, fake_eyes: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Behave:
    """The fake XTuner for runs with pictures; HOME has tiny, clip and the picture set shapes, which has no exam."""
    monkeypatch.setenv("FAKE_EYES", str(fake_eyes))
    for source, name in (("model", "tiny"), ("encoder", "clip")):
        shutil.copytree(fake_eyes / source, home.models_dir() / name, copy_function=os.link)
    made = picture_sets.load(example.save("drawn", WHO, amounts=FEW).name)
    picture_sets.save("shapes", replace(made, exam={}, persona=None))
    picture_sets.delete("drawn")
    return fake_xtuner


def begin(steps: int = 4, first: int = 4, **chosen: Any) -> str:
    """Start a run with pictures, whose checkpoints come every other step; returns its id."""
    own = {name: chosen.pop(name) for name in list(chosen) if name in eyes_recipe.names()}
    eyes = EyesRecipe(encoder="clip", first_sight=False, pretrain_steps=first, **own)
    recipe = Recipe(**{"steps": steps, "save_every": 2, "batch_size": 2, **chosen})
    return runs.start("shapes", "tiny", recipe, eyes=eyes)
