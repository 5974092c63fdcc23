"""The kinds of vision encoders, and what a folder with one has to hold. Never imports torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import UserError
from training.models import layout


@dataclass(frozen=True)
class Kind:
    """How transformers reads an encoder."""

    config: str
    """What its config.json says, and ..."""
    model: str
    """... what transformers calls its class ..."""
    processor: str
    """... and that of its pictures' processor."""
    others: int
    """Tokens before the patches. XTuner leaves the first of all out, whatever it is: SigLIP's is a patch."""
    plain: Mapping[str, int]
    """Sizes that its config.json may leave out."""


CLIP = Kind("clip_vision_model", "CLIPVisionModel", "CLIPImageProcessor", 1, {})
SIGLIP = Kind(
    "siglip_vision_model",
    "SiglipVisionModel",
    "SiglipImageProcessor",
    0,
    {
        "num_hidden_layers": 12, "hidden_size": 768, "intermediate_size": 3072, "num_attention_heads": 12,
        "image_size": 224, "patch_size": 16,
    },
)  # fmt: skip
KINDS = {"clip_vision_model": CLIP, "clip": CLIP, "siglip_vision_model": SIGLIP, "siglip": SIGLIP}
"""What config.json may say. (XTuner's own `xtuner chat` knows CLIP's vision part only.)"""


def kind(folder: Path) -> Kind:
    """Of the encoder in the folder. Raises UserError(model_incomplete, encoder_kind)."""
    told = layout.table(folder, "config.json").get("model_type")
    if told not in KINDS:
        raise UserError("encoder_kind", path=folder, kind=told)
    return KINDS[told]


def is_one(config: Mapping[str, Any]) -> bool:
    """Whether a config.json is an encoder's, or that of one together with its text part."""
    return config.get("model_type") in KINDS


def check(folder: Path) -> None:
    """Refuse a folder that is no whole encoder. Raises UserError like layout.check(), and encoder_kind."""
    kind(folder)
    layout.check_encoder(folder)
