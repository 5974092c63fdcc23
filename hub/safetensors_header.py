"""The header of a safetensors file, read without loading it: 8 bytes of length, JSON, then the data it speaks of."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

_LONGEST = 100_000_000  # safetensors' own limit


def read(path: Path) -> dict[str, Any]:
    """The tensors that the file says it holds. Raises OSError or ValueError when it is no such file, or half of one."""
    try:
        with path.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            if not 0 < length < _LONGEST:
                raise ValueError("not a safetensors header")
            header = json.loads(opened.read(length))
        header.pop("__metadata__", None)
        end = max(tensor["data_offsets"][1] for tensor in header.values())
        for tensor in header.values():
            math.prod(tensor["shape"]), tensor["dtype"]
        if path.stat().st_size != 8 + length + end:
            raise ValueError("half a file")
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError("not a safetensors header") from error
    return header
