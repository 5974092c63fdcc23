"""The weights of an InternLM2 folder written in Llama's layout, one shard and one tensor at a time.

What was written is read again and has to give the source back, bit by bit. Imports torch; for the child process
(convert.py).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from training.errors import UserError
from training.files import write_json
from training.models import layout
from training.models.internlm2 import Geometry, Shape
from training.models.shards import Read, opened, weight_files

_DTYPES = {torch.bfloat16: "BF16", torch.float16: "F16", torch.float32: "F32"}


def convert(source: Path, target: Path, sizes: Geometry) -> Iterator[float]:
    """Write the weights in Llama's layout, as many shards as there were; yields how far it is.

    Raises UserError(internlm2_layout, model_incomplete, model_pickle_has_code) or OSError.
    """
    shards = weight_files(source)
    _check_whole(source, shards, sizes)
    files = [_shard_name(number, len(shards)) for number in range(len(shards))]
    placed: dict[str, str] = {}
    for number, (shard, file) in enumerate(zip(shards, files, strict=True)):
        with opened(shard) as (shapes, read):
            for share in _write(target / file, shapes, read, sizes):
                yield (number + 0.7 * share) / len(shards)
            placed |= {name: file for each in shapes for name in sizes.names(each)}
            _verify(target / file, shapes, read, sizes)
        yield (number + 1) / len(shards)
    if len(files) > 1:
        total = sum((target / file).stat().st_size for file in files)
        write_json(target / layout.INDEX, {"metadata": {"total_size": total}, "weight_map": placed})


def _check_whole(source: Path, shards: list[Path], sizes: Geometry) -> None:
    """All weights, each once, of the promised shape, and nothing else. Raises UserError(internlm2_layout)."""
    expected = sizes.expected()
    found: dict[str, Shape] = {}
    for shard in shards:
        with opened(shard) as (shapes, _):
            found |= {name: shape for name, shape in shapes.items() if not name.endswith(".rotary_emb.inv_freq")}
    wrong = [f"{name} {found.get(name, '-')}" for name in expected if found.get(name) != expected[name]]
    wrong += sorted(found.keys() - expected.keys())
    if wrong:
        raise UserError("internlm2_layout", path=source, what=", ".join(wrong[:3]))


def _shard_name(number: int, count: int) -> str:
    return layout.SINGLE if count == 1 else f"model-{number + 1:05d}-of-{count:05d}.safetensors"


def _write(path: Path, shapes: dict[str, Shape], read: Read, sizes: Geometry) -> Iterator[float]:
    """One tensor at a time, in safetensors' layout: 8 bytes of header length, the header, the data in its order."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end, wanted = 0, [name for name in shapes if name in sizes.expected()]
    for name in wanted:
        dtype = read(name).dtype
        if dtype not in _DTYPES:
            raise UserError("internlm2_layout", path=path.name, what=f"{name} {dtype}")
        for target, shape in zip(sizes.names(name), _target_shapes(name, shapes[name], sizes), strict=True):
            start, end = end, end + dtype.itemsize * math.prod(shape)
            header[target] = {"dtype": _DTYPES[dtype], "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    done = 0
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in wanted:
            for part in _parts(name, read(name), sizes):
                done += file.write(_bits(part).numpy().data)
            yield done / end
        file.flush()
        os.fsync(file.fileno())


def _target_shapes(name: str, shape: Shape, sizes: Geometry) -> list[Shape]:
    if not name.endswith(".wqkv.weight"):
        return [shape]
    return [(count * sizes.head, sizes.hidden) for count in (sizes.heads, sizes.kv_heads, sizes.kv_heads)]


def _parts(name: str, tensor: torch.Tensor, sizes: Geometry) -> list[torch.Tensor]:
    return sizes.split(tensor) if name.endswith(".wqkv.weight") else [tensor]


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous().view(-1).view(torch.uint8)


def _verify(path: Path, shapes: dict[str, Shape], read: Read, sizes: Geometry) -> None:
    """What was written gives back the source, bit by bit: a disk can lie, and so can a mapping."""
    with safe_open(path, "pt") as file:
        for name in shapes.keys() & sizes.expected().keys():
            parts = [file.get_tensor(target) for target in sizes.names(name)]
            back = sizes.join(*parts) if len(parts) == 3 else parts[0]
            if back.shape != shapes[name] or not torch.equal(_bits(back), _bits(read(name))):
                raise UserError("internlm2_not_equal", name=name, path=path.name)
