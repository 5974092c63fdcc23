"""The weights in an ONNX file, by name.

protobuf is here anyway; the onnx package would be 18 MB more for these few fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FLOAT = 1
# name, number in onnx.proto, label (1: once, 3: repeated), type (3: int64, 5: int32, 9: string, 11: message, 12: bytes)
_MESSAGES = {
    "Tensor": (("dims", 1, 3, 3), ("data_type", 2, 1, 5), ("name", 8, 1, 9), ("raw_data", 9, 1, 12)),
    "Graph": (("initializer", 5, 3, "Tensor"),),
    "Model": (("graph", 7, 1, "Graph"),),
}


def read(path: Path) -> Iterator[tuple[str, Any]]:
    """Every initializer of 32-bit floats and its name. Others, and those kept in other files, are passed over."""
    model = _model_class().FromString(path.read_bytes())
    for tensor in model.graph.initializer:
        if tensor.data_type == _FLOAT and tensor.raw_data:
            yield tensor.name, np.frombuffer(tensor.raw_data, "<f4").reshape(tensor.dims).copy()


def _model_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="onnx_weights.proto", package="onnx_weights", syntax="proto2")
    for message, fields in _MESSAGES.items():
        declared = file.message_type.add(name=message)
        for name, number, label, kind in fields:
            field = declared.field.add(name=name, number=number, label=label)
            if isinstance(kind, str):
                field.type, field.type_name = 11, f".onnx_weights.{kind}"
            else:
                field.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("onnx_weights.Model"))
