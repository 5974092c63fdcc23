"""Vision encoders that arrive: of a whole CLIP or SigLIP the part that sees is kept, and it sees as before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tests.training.eyes.tiny_llava import PATCH, SIDE, SIZES
from tests.training.models.test_arrival import Evil, refused
from training import models
from training.eyes import encoders
from training.models import arrival, vision

TEXT = {**SIZES, "vocab_size": 50, "max_position_embeddings": 16}


def write_whole(folder: Path, kind: str, safe: bool = True) -> Path:
    """A whole model with its text part, as they are published."""
    eyes = {**SIZES, "image_size": SIDE, "patch_size": PATCH}
    config = getattr(transformers, f"{kind}Config")(text_config=TEXT, vision_config=eyes)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder, safe_serialization=safe)
    size = {"height": SIDE, "width": SIDE}
    getattr(transformers, f"{kind}ImageProcessor")(size=size, crop_size=size).save_pretrained(folder)
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text("{}")
    return folder


def seen(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.eval()(pixels, output_hidden_states=True).hidden_states[-2]
    return found


@pytest.mark.parametrize(("kind", "safe"), [("CLIP", False), ("CLIP", True), ("Siglip", True)])
def test_an_encoder_is_added_without_its_text_part_and_sees_as_before(tmp_path: Path, kind: str, safe: bool) -> None:
    source = write_whole(tmp_path / "whole", kind, safe)
    path = arrival.add(source, "eyes")
    assert encoders.names() == ["starter", "eyes"] and models.names() == ["starter"]
    kept = sorted(file.name for file in path.iterdir())
    assert kept == ["config.json", "model.safetensors", "preprocessor_config.json"]
    pixels = torch.randn(2, 3, SIDE, SIDE)
    before, after = (getattr(transformers, vision.kind(each).model).from_pretrained(each) for each in (source, path))
    assert torch.equal(seen(before, pixels), seen(after, pixels))
    assert encoders.shape(path) == {
        "parameters": 3 * (4 * 32 * 32 + 2 * 32 * 64), "layers": 3, "width": 32, "heads": 4, "patches": 4
    }  # fmt: skip


def test_sizes_that_a_siglip_leaves_out_are_its_usual_ones(tmp_path: Path) -> None:
    told = {"model_type": "siglip", "vision_config": {"model_type": "siglip_vision_model"}}
    (tmp_path / "config.json").write_text(json.dumps(told))
    sizes, usual = encoders.shape(tmp_path), transformers.SiglipVisionConfig()
    assert sizes and (sizes["width"], sizes["layers"], sizes["heads"]) == (768, 12, 12)
    assert all(getattr(usual, name) == size for name, size in vision.SIGLIP.plain.items())


def test_what_is_no_encoder_inside_is_refused_in_a_sentence(tmp_path: Path) -> None:
    source = write_whole(tmp_path / "whole", "CLIP")
    weights = transformers.CLIPTextModel(transformers.CLIPTextConfig(**TEXT)).state_dict()
    torch.save(weights, source / "pytorch_model.bin")
    (source / "model.safetensors").rename(tmp_path / "kept")
    assert refused(source).code == "encoder_weights"
    torch.save({**weights, "evil": Evil()}, source / "pytorch_model.bin")
    assert refused(source).code == "model_pickle_has_code"
    (source / "pytorch_model.bin").unlink()
    assert refused(source).code == "model_incomplete"
    (source / "model.safetensors").write_bytes((tmp_path / "kept").read_bytes()[:-100])
    assert refused(source).code == "model_incomplete"
    (source / "preprocessor_config.json").unlink()
    assert refused(source).code == "model_incomplete"
    assert encoders.names() == ["starter"]


def test_an_encoder_of_another_depth_than_its_config_says_is_refused(tmp_path: Path) -> None:
    source = write_whole(tmp_path / "whole", "Siglip")
    told = json.loads((source / "config.json").read_text())
    told["vision_config"]["num_hidden_layers"] = 4
    (source / "config.json").write_text(json.dumps(told))
    error = refused(source)
    assert error.code == "encoder_weights" and "layers.3" in error.sentence()
