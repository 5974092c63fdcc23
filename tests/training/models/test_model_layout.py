from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.models.tiny import write_model, write_tensors
from training import models
from training.errors import UserError


def refusal(folder: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        models.check(folder)
    for language in ("zh", "en"):
        assert str(folder) in caught.value.sentence(language)
    return caught.value


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "tiny")


def split(model: Path) -> None:
    """The same model in two weight files and an index."""
    (model / "model.safetensors").unlink()
    files = {"a.weight": "model-00001-of-00002.safetensors", "b.weight": "model-00002-of-00002.safetensors"}
    for name, file in files.items():
        write_tensors(model / file, name, (4, 5))
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": files}))


def test_a_complete_folder_is_described_without_loading_it(model: Path) -> None:
    models.check(model)
    info = models.describe(model)
    assert (info.name, info.architecture, info.parameters) == ("tiny", "LlamaForCausalLM", 6)
    assert (info.dtype, info.context_length) == ("bfloat16", 64)
    assert info.bytes == (model / "model.safetensors").stat().st_size


def test_a_model_in_several_files_counts_them_all(model: Path) -> None:
    split(model)
    assert models.describe(model).parameters == 40


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(model: Path, file: str) -> None:
    (model / file).unlink()
    assert (refusal(model).code, refusal(model).details["missing"]) == ("model_incomplete", file)


def test_a_missing_part_of_the_weights_is_named(model: Path) -> None:
    split(model)
    (model / "model-00002-of-00002.safetensors").unlink()
    assert refusal(model).details["missing"] == "model-00002-of-00002.safetensors"


@pytest.mark.parametrize("keep", [0, 5, 40, -1])
def test_half_a_weight_file_is_found_out(model: Path, keep: int) -> None:
    whole = (model / "model.safetensors").read_bytes()
    (model / "model.safetensors").write_bytes(whole[:keep])
    assert refusal(model).details["missing"] == "model.safetensors"


@pytest.mark.parametrize(
    "header", [b"[]", b"{}", b'{"a": 1}', b'{"a": {"data_offsets": [0, 4]}}', b"\xff\xfe", b"version https://git-lfs"]
)
def test_a_file_that_is_no_safetensors_file_is_found_out(model: Path, header: bytes) -> None:
    (model / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    assert refusal(model).code == "model_incomplete"


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "\x00"])
@pytest.mark.parametrize("file", ["config.json", "model.safetensors.index.json"])
def test_a_broken_table_is_found_out(model: Path, file: str, text: str) -> None:
    (model / file).write_text(text)
    assert refusal(model).details["missing"] == file


@pytest.mark.parametrize("where", ["../other.safetensors", "/etc/passwd", 7, None])
def test_an_index_cannot_lead_out_of_the_folder(model: Path, where: object) -> None:
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": where}}))
    assert refusal(model).code == "model_incomplete"


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_a_model_that_brings_its_own_code_is_refused(model: Path, file: str) -> None:
    (model / file).write_text(json.dumps({"auto_map": {"AutoModel": "modeling.Model"}}))
    assert refusal(model).code == "model_needs_remote_code"


def test_pickled_weights_are_refused(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    assert refusal(model).code == "model_only_pickle"
