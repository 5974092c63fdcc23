"""The weights of XTuner's checkpoints, put into a model that is loaded already: the base once, then each in turn.

Covered: LoRA, QLoRA and full, as one .pth file or as DeepSpeed's folder. Imports torch; for child processes.
"""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors import safe_open

from training import zero_checkpoint

_KNOWN = {
    ("collections", "OrderedDict"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_parameter"),
    ("torch", "Size"),
}
"""All that is needed to read tensors; nothing else in a checkpoint is ever called."""


class _Inert:
    """Stands for whatever else lies in a checkpoint (training history, optimizer): takes everything, does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass

    def __setitem__(self, *_: Any) -> None:
        pass

    def extend(self, _: Any) -> None:
        pass


def _from_type(build: Any, _type: Any, arguments: tuple[Any, ...], _state: Any) -> Any:
    return build(*arguments)


def _with_state(data: Any, *_: Any) -> Any:
    return data


_PLAINLY = {
    ("torch._tensor", "_rebuild_from_type_v2"): _from_type,
    ("torch._utils", "_rebuild_parameter_with_state"): _with_state,
}
"""How a tensor to which DeepSpeed has tied attributes is read: without them."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _KNOWN:
            return super().find_class(module, name)
        return _PLAINLY.get((module, name), _Inert)


def tensors(checkpoint: Path) -> dict[str, torch.Tensor]:
    """The trained weights, by XTuner's names. Runs no code that the checkpoint may bring."""
    return zero_checkpoint.tensors(checkpoint, read) if checkpoint.is_dir() else read(checkpoint)["state_dict"]


def read(file: Path) -> dict[str, Any]:
    """What the file holds: tensors and plain values; whatever else lies in it becomes something inert."""
    reader: Any = SimpleNamespace(Unpickler=_Unpickler, __name__="inert")
    return torch.load(file, "cpu", pickle_module=reader, weights_only=False, mmap=True)


def put(model: torch.nn.Module, base: Path, checkpoint: Path | None, lora_alpha: float, part: str = "llm.") -> None:
    """Give `model` the weights of its folder `base`, and on them what `checkpoint` has learned (None: the base).

    `part`: what the names of its weights begin with in the checkpoint.
    """
    parameters = dict(model.named_parameters())
    learned = tensors(checkpoint) if checkpoint else {}
    trained = {name.removeprefix(part): value for name, value in learned.items()}
    with torch.no_grad():
        for shard in _shards(base):
            with safe_open(shard, "pt") as file:
                for name in parameters.keys() & set(file.keys()):
                    weight = trained.get(name, file.get_tensor(name)).to(torch.float32)
                    stem = f"base_model.model.{name.removesuffix('.weight')}"
                    if f"{stem}.lora_A.default.weight" in trained:
                        down, up = (trained[f"{stem}.lora_{side}.default.weight"].float() for side in "AB")
                        weight = weight + (lora_alpha / len(down)) * (up @ down)
                    # A model that was given a further token has a longer table of them than its folder.
                    parameters[name][: len(weight)].copy_(weight)


def _shards(base: Path) -> list[Path]:
    index = base / "model.safetensors.index.json"
    if not index.is_file():
        return [base / "model.safetensors"]
    return [base / name for name in sorted(set(json.loads(index.read_text())["weight_map"].values()))]
