"""From a checkpoint to a model folder that anything can load, without XTuner and without remote code."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from training import models, xtuner
from training.files import read_json, write_json

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")


def whole_checkpoints(work: Path) -> dict[int, Path]:
    """The checkpoints that were written to their end, by iteration.

    A .pth is a zip file, whose directory is written last. DeepSpeed's are folders.
    """
    return {
        iteration: path
        for iteration, path in xtuner.checkpoints(work).items()
        if (path.is_dir() and any(path.iterdir())) or (path.is_file() and zipfile.is_zipfile(path))
    }


def merge(folder: Path, checkpoint: Path, execute: Callable[[list[str]], None], enter: Callable[[str], None]) -> Path:
    """Turn a checkpoint of the run in `folder` into folder/merged, which appears when it is whole.

    `execute` runs a command to its end and raises when it fails; `enter` is told the phase.
    """
    spec = read_json(folder / "spec.json")
    full, base = spec["recipe"]["method"] == "full", Path(spec["model_folder"])
    adapter, half = folder / "adapter", folder / ".merged"
    for rest in (adapter, half):
        shutil.rmtree(rest, ignore_errors=True)
    try:
        enter("converting")
        execute(xtuner.convert(folder / "config.py", checkpoint, half if full else adapter))
        enter("merging")
        if not full:
            execute(xtuner.merge(base, adapter, half))
        _complete(half, base)
        shutil.rmtree(folder / "merged", ignore_errors=True)
        return half.rename(folder / "merged")
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _complete(merged: Path, base: Path) -> None:
    # XTuner saves the tokenizer anew and loses the generation config, and with it the tokens that end an answer.
    for name in (*_TOKENIZER_FILES, "generation_config.json"):
        if (base / name).is_file():
            shutil.copyfile(base / name, merged / name)
    config = read_json(merged / "config.json")
    config["use_cache"] = True  # off during training, and saved that way
    write_json(merged / "config.json", config)
    models.check(merged)
