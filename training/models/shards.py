"""The weight files of a folder, read tensor by tensor: safetensors, and .bin without any code in it. Imports torch."""

from __future__ import annotations

import errno
import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from training.errors import UserError
from training.files import read_json

Shape = tuple[int, ...]
Read = Callable[[str], torch.Tensor]

_INDICES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_CODE = ("allowed global", "GLOBAL ", "unrecognized function", "Unsupported class")
"""What torch says of a pickle that would call something."""


def weight_files(source: Path) -> list[Path]:
    """The shards of a folder, safetensors before .bin. Raises UserError(model_incomplete)."""
    for index in _INDICES:
        if (source / index).is_file():
            try:
                named = sorted(set(read_json(source / index)["weight_map"].values()))
            except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
                raise UserError("model_incomplete", path=source, missing=index) from error
            for file in named:
                if Path(str(file)).name != file or not (source / file).is_file():
                    raise UserError("model_incomplete", path=source, missing=file)
            return [source / file for file in named]
    for single in ("model.safetensors", "pytorch_model.bin"):
        if (source / single).is_file():
            return [source / single]
    raise UserError("model_incomplete", path=source, missing="model.safetensors")


@contextmanager
def opened(shard: Path) -> Iterator[tuple[dict[str, Shape], Read]]:
    """The shapes in a shard by name, and what reads one of them. Runs no code that a file may bring."""
    if shard.suffix == ".safetensors":
        try:
            with safe_open(shard, "pt") as file:
                yield {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}, file.get_tensor  # noqa: SIM118
        except SafetensorError as error:
            raise UserError("model_incomplete", path=shard.parent, missing=shard.name) from error
        return
    table = _unpickled(shard)
    yield {name: tuple(tensor.shape) for name, tensor in table.items()}, table.__getitem__


def _unpickled(shard: Path) -> Mapping[str, torch.Tensor]:
    try:
        try:
            table = torch.load(shard, "cpu", weights_only=True, mmap=True)
        except RuntimeError:  # before torch 1.6 a checkpoint was no zip file; or it is half of one
            table = torch.load(shard, "cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if any(sign in str(error) for sign in _CODE):
            raise UserError("model_pickle_has_code", path=shard) from error
        raise UserError("model_incomplete", path=shard.parent, missing=shard.name) from error
    except (RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # EINVAL: less of a file than its own map says
            raise
        raise UserError("model_incomplete", path=shard.parent, missing=shard.name) from error
    if not isinstance(table, Mapping) or not all(isinstance(each, torch.Tensor) for each in table.values()):
        raise UserError("model_incomplete", path=shard.parent, missing=shard.name)
    return table
