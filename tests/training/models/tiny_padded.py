"""A tiny model with two megabytes of weights that it does not need, so that fetching it takes a while."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file


def padded(folder: Path) -> Path:
    """The model folder, with the padding."""
    weights = folder / "model.safetensors"
    save_file({**load_file(weights), "padding.weight": np.zeros(500_000, np.float32)}, weights)
    return folder
