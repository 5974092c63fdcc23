"""DeepSpeed's checkpoint folders: the trained weights, put together again from what each process kept of them.

The weights are the optimizer's own, in fp32. Reading a file safely is checkpoint.py's part.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import torch

Read = Callable[[Path], dict[str, Any]]
Shapes = list[dict[str, torch.Size]]
"""Names and shapes of the weights in each of the optimizer's groups, in order."""


def tensors(folder: Path, read: Read) -> dict[str, torch.Tensor]:
    """The trained weights in a folder of ZeRO stage 1, 2 or 3, by XTuner's names."""
    shapes: Shapes = read(min(folder.glob("*mp_rank_00_model_states.pt")))["param_shapes"]
    ranks = sorted(folder.glob("*_optim_states.pt"), key=_rank)
    kept = [read(file)["optimizer_state_dict"] for file in ranks]
    if "fp32_flat_groups" in kept[0]:
        return _each_cut(shapes, [torch.cat(own["fp32_flat_groups"]) for own in kept])
    return _cut_once(shapes, [own["single_partition_of_fp32_groups"] for own in kept])


def _rank(file: Path) -> int:
    found = re.search(r"pp_rank_(\d+)_", file.name)
    return int(found[1]) if found else 0


def _cut_once(shapes: Shapes, kept: list[list[torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Stages 1 and 2: all weights of a group in one row, which is cut in as many pieces as there are processes."""
    found = {}
    for group, names in enumerate(shapes):
        row, place = torch.cat([own[group] for own in kept]), 0
        for name, shape in names.items():
            found[name] = row[place : place + shape.numel()].view(shape)
            place += shape.numel()
    return found


def _each_cut(shapes: Shapes, kept: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Stage 3: every weight is cut by itself, its last piece filled up."""
    found, place = {}, 0
    for name, shape in chain.from_iterable(names.items() for names in shapes):
        piece = -(-shape.numel() // len(kept))
        found[name] = torch.cat([own[place : place + piece] for own in kept])[: shape.numel()].view(shape)
        place += piece
    return found
