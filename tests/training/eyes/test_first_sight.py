"""The projector to begin with: fitted to the words, found by XTuner. Needs torch."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.eyes import example, first_sight
from training.eyes.llava_config import Places
from training.persona import Persona

pytestmark = pytest.mark.real


def through(weights: dict, seen):  # type: ignore[no-untyped-def, type-arg]
    import torch

    first, shift, second, bias = (weights[f"projector.model.{name}"] for name in _NAMES)
    return torch.nn.functional.gelu(seen @ first.T + shift) @ second.T + bias


_NAMES = ("0.weight", "0.bias", "2.weight", "2.bias")


def test_a_patch_becomes_its_pictures_words_also_in_pictures_that_were_not_fitted() -> None:
    import torch

    torch.manual_seed(0)
    kinds = torch.randint(4, (300,))
    faint = 0.1 * torch.randn(4, 24)[kinds]
    seen = faint[:, None] + 0.02 * torch.randn(300, 6, 24) + 50.0  # all have much in common, and differ by little
    words = torch.randn(4, 32)
    weights = first_sight.solved(seen[:200], words[kinds[:200]])
    said = through(weights, seen[200:]).mean(1)
    nearest = torch.cdist(said, words).argmin(1)
    assert (nearest == kinds[200:]).float().mean() > 0.95


def test_xtuners_projector_takes_all_of_it(tiny: Places, tmp_path: Path) -> None:
    import torch
    from xtuner.model.modules import ProjectorConfig, ProjectorModel

    amounts = example.Amounts(pictures=8, held_out=1, with_picture=1, identity=1, others=1)
    example.write(example.build(Persona("Robin", "Ada Lin"), 0, amounts), tmp_path)
    first_sight.fit(tiny.model, tiny.encoder, tmp_path / "captions.json", tmp_path / "first.pth")
    found = torch.load(tmp_path / "first.pth", weights_only=True)["state_dict"]
    projector = ProjectorModel(ProjectorConfig(visual_hidden_size=32, llm_hidden_size=32, depth=2))
    projector.load_state_dict({name.removeprefix("projector."): each for name, each in found.items()})
    assert all(each.isfinite().all() for each in found.values())
