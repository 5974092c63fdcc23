"""What a model folder has to hold (Hugging Face layout), read without loading it. Never imports torch.

Half-copied weights are the usual accident, so every weight file's size is compared with what its own header says.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub import safetensors_header
from training.errors import UserError
from training.files import read_json

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
TEMPLATE = "chat_template.jinja"
_VOCABULARIES = ("tokenizer.json", "tokenizer.model", "vocab.json")
_DTYPES = {"BF16": "bfloat16", "F16": "float16", "F32": "float32", "F64": "float64"}


@dataclass(frozen=True)
class ModelInfo:
    """A model folder in a few words."""

    name: str
    path: Path
    architecture: str
    """The class that loads it, such as LlamaForCausalLM."""
    parameters: int | None
    """None where the weights are packed (4-bit), so that their shapes do not tell."""
    bytes: int
    dtype: str
    context_length: int | None


def check(folder: Path) -> None:
    """Refuse a folder that would not load.

    Raises UserError(model_incomplete, model_needs_remote_code, model_only_pickle).
    """
    _read(Path(folder))


def check_encoder(folder: Path) -> None:
    """Refuse a folder that is no whole vision encoder. Raises UserError like check()."""
    folder = Path(folder)
    if table(folder, "config.json").get("auto_map"):
        raise UserError("model_needs_remote_code", path=folder)
    table(folder, "preprocessor_config.json")
    for file in weight_files(folder):
        _tensors(folder, file)


def has_eyes(folder: Path) -> bool:
    """Whether the model in the folder can be shown pictures. False where its config cannot be read."""
    try:
        return table(Path(folder), "config.json").get("model_type") == "llava"
    except UserError:
        return False


def is_complete(folder: Path) -> bool:
    """Whether check() has nothing to say."""
    try:
        check(folder)
    except UserError:
        return False
    return True


def describe(folder: Path) -> ModelInfo:
    """What the folder holds. Raises UserError like check()."""
    folder = Path(folder)
    config, headers = _read(folder)
    tensors = [tensor for header in headers.values() for tensor in header.values()]
    counts: Counter[str] = Counter()
    for tensor in tensors:
        counts[tensor["dtype"]] += math.prod(tensor["shape"])
    spoken = config.get("text_config") or {}  # of a model with eyes
    main = counts.most_common(1)[0][0]
    return ModelInfo(
        name=folder.name,
        path=folder,
        architecture=next(iter(config.get("architectures") or ["?"])),
        parameters=sum(counts.values()) if main in _DTYPES else None,
        bytes=sum((folder / file).stat().st_size for file in headers),
        dtype=_DTYPES.get(main, main.lower()),
        context_length=config.get("max_position_embeddings", spoken.get("max_position_embeddings")),
    )


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """The config, and each weight file's tensors."""
    config, tokenizer = table(folder, "config.json"), table(folder, "tokenizer_config.json")
    if config.get("auto_map") or tokenizer.get("auto_map"):
        raise UserError("model_needs_remote_code", path=folder)
    if not any((folder / file).is_file() for file in _VOCABULARIES):
        raise UserError("model_incomplete", path=folder, missing=_VOCABULARIES[0])
    return config, {file: _tensors(folder, file) for file in weight_files(folder)}


def table(folder: Path, file: str) -> dict[str, Any]:
    """A JSON file of the folder. Raises UserError(model_incomplete)."""
    try:
        found = read_json(folder / file)
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise UserError("model_incomplete", path=folder, missing=file)
    return found


def chat_template(folder: Path) -> Any:
    """The tokenizer's chat template. Raises UserError(model_incomplete, model_without_chat_template)."""
    template = table(folder, "tokenizer_config.json").get("chat_template")
    if (folder / TEMPLATE).is_file():  # which transformers reads in place of the other
        template = (folder / TEMPLATE).read_text(encoding="utf-8", errors="replace")
    if not template:
        raise UserError("model_without_chat_template", model=folder.name)
    return template


def let_others_read(folder: Path) -> None:
    """safetensors writes weights for their owner alone, which would keep a shared HOME from being read."""
    for file in folder.glob("*.safetensors"):
        file.chmod(0o644)


def weight_files(folder: Path) -> list[str]:
    """The names of the safetensors files. Raises UserError(model_incomplete, model_only_pickle)."""
    if (folder / INDEX).is_file():
        files = table(folder, INDEX).get("weight_map")
        if isinstance(files, dict) and files and all(Path(str(file)).name == file for file in files.values()):
            return sorted(set(files.values()))  # bare names only: an index does not lead out of its folder
        raise UserError("model_incomplete", path=folder, missing=INDEX)
    if not (folder / SINGLE).exists() and any(folder.glob("pytorch_model*.bin")):
        raise UserError("model_only_pickle", path=folder)
    return [SINGLE]


def _tensors(folder: Path, file: str) -> dict[str, Any]:
    """What a safetensors file holds, when the file is whole."""
    try:
        return safetensors_header.read(folder / file)
    except (OSError, ValueError) as error:
        raise UserError("model_incomplete", path=folder, missing=file) from error
