"""Which files of a repo a model needs: its small ones by name, its weights as safetensors, else as .bin; no program."""

from __future__ import annotations

import json
import re
from pathlib import Path

from hub.contents import File
from hub.errors import HubError

INDEX, SINGLE = "model.safetensors.index.json", "model.safetensors"
_BIN_INDEX, _BIN_SINGLE = "pytorch_model.bin.index.json", "pytorch_model.bin"
SMALL = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
    "preprocessor_config.json",
    "processor_config.json",
    INDEX,
    "README.md",
    "LICENSE",
    "LICENSE.txt",
    "NOTICE",
)
_BARE = re.compile(r"[\w][\w.\-]*")


def small(files: tuple[File, ...]) -> list[File]:
    """The files to fetch first: all but the weights. The list of .bin shards only where there are no safetensors."""
    names = {file.name for file in files}
    wanted = {*SMALL} if names & {INDEX, SINGLE} else {*SMALL, _BIN_INDEX}
    return [file for file in files if file.name in wanted]


def expected(files: tuple[File, ...]) -> int:
    """About how many bytes the weights will have, before it is known which they are: so that no bar jumps back."""
    sizes = {ending: [file.size for file in files if _at_top(file, ending)] for ending in (".safetensors", ".bin")}
    return sum(sizes[".safetensors"] or sizes[".bin"])


def _at_top(file: File, ending: str) -> bool:
    return file.name.endswith(ending) and "/" not in file.name


def weights(folder: Path, files: tuple[File, ...]) -> list[File]:
    """The weight files, now that `folder` has the small ones. Raises HubError(hub_no_weights, hub_incomplete)."""
    known = {file.name: file for file in files}
    for index, single in ((INDEX, SINGLE), (_BIN_INDEX, _BIN_SINGLE)):
        if index in known:
            return [_known(known, name) for name in shards(folder / index)]
        if single in known:
            return [known[single]]
    raise HubError("hub_no_weights")


def shards(index: Path) -> list[str]:
    """The weight files that an index names. Raises HubError(hub_incomplete)."""
    try:
        found = sorted({*json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        found = []
    if not found or not all(isinstance(name, str) and _BARE.fullmatch(name) for name in found):
        raise HubError("hub_incomplete", missing=index.name)
    if not all(name.endswith((".safetensors", ".bin")) for name in found):
        raise HubError("hub_incomplete", missing=index.name)  # an index does not fetch programs
    return found


def _known(known: dict[str, File], name: str) -> File:
    if name not in known:
        raise HubError("hub_incomplete", missing=name)
    return known[name]
