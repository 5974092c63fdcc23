"""From a checkpoint to a model folder that anything can load, without XTuner and without remote code."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training import models, xtuner
from training.eyes import run_merge
from training.files import read_json, replace_folder, write_json
from training.models import chat_template, layout

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")


def whole_checkpoints(work: Path) -> dict[int, Path]:
    """The checkpoints that were written to their end, by iteration.

    A .pth is a zip file, whose directory is written last. DeepSpeed's are folders of such files: one that all processes
    share, and one of each.
    """
    return {iteration: path for iteration, path in xtuner.checkpoints(work).items() if _whole(path)}


def _whole(checkpoint: Path) -> bool:
    found = parts(checkpoint)
    if checkpoint.is_dir():
        own = [part for part in found if part.name.endswith("_optim_states.pt")]
        if not own or len(own) < _processes(checkpoint.parent.parent) or len(own) == len(found):
            return False
    return all(map(zipfile.is_zipfile, found))


def _processes(run_folder: Path) -> int:
    try:
        recipe = read_json(run_folder / "spec.json")["recipe"]
        return recipe.get("processes", 1) * recipe.get("nodes", 1)
    except (OSError, ValueError, KeyError):
        return 1


def parts(checkpoint: Path) -> list[Path]:
    """The files a checkpoint is made of."""
    return sorted(checkpoint.rglob("*.pt")) if checkpoint.is_dir() else [checkpoint]


def merge(folder: Path, checkpoint: Path, execute: Callable[[list[str]], None], enter: Callable[[str], None]) -> Path:
    """Turn a checkpoint of the run in `folder` into folder/merged, which appears (or is replaced) when it is whole.

    `execute` runs a command to its end and raises when it fails; `enter` is told the phase.
    """
    spec = read_json(folder / "spec.json")
    if spec.get("eyes"):
        return run_merge.merge(folder, spec, checkpoint, execute, enter, _origin(folder, spec, checkpoint))
    full, base = spec["recipe"]["method"] == "full", Path(spec["model_folder"])
    adapter, half = folder / ".adapter", folder / ".merged"
    for rest in (adapter, half):
        shutil.rmtree(rest, ignore_errors=True)
    try:
        enter("converting")
        execute(xtuner.convert(folder / "config.py", checkpoint, half if full else adapter))
        enter("merging")
        if not full:
            execute(xtuner.merge(base, adapter, half))
        _complete(half, base)
        if form := chat_template.named(spec["recipe"]["prompt_template"]):
            chat_template.end_answers(half, form)
        write_json(half / run_merge.ORIGIN, _origin(folder, spec, checkpoint))
        if not full:
            replace_folder(adapter, folder / "adapter")
        run_merge.put(half, folder / "merged")
        return folder / "merged"
    finally:
        shutil.rmtree(half, ignore_errors=True)


def origin(model: Path) -> dict[str, Any]:
    """Where a merged model comes from: {"run", "step", "iteration", "base", "persona"}, and "eyes" where it sees; empty
    for any other folder.
    """
    try:
        return read_json(model / run_merge.ORIGIN)
    except (OSError, ValueError):
        return {}


def _origin(folder: Path, spec: dict[str, Any], checkpoint: Path) -> dict[str, Any]:
    iteration = int(checkpoint.stem.removeprefix("iter_"))
    return {
        "run": folder.name,
        "step": iteration // spec["recipe"]["accumulation"],
        "iteration": iteration,
        "base": spec["model_folder"],
        "persona": (spec.get("card") or {}).get("persona"),
    }


def prune(work: Path, keep: set[int]) -> None:
    """Remove the checkpoints of all other iterations."""
    for iteration, path in xtuner.checkpoints(work).items():
        if iteration not in keep:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _complete(merged: Path, base: Path) -> None:
    # XTuner saves the tokenizer anew and loses the generation config, and with it the tokens that end an answer.
    for name in (*_TOKENIZER_FILES, "generation_config.json"):
        if (base / name).is_file():
            shutil.copyfile(base / name, merged / name)
    config = read_json(merged / "config.json")
    config["use_cache"] = True  # off during training, and saved that way
    write_json(merged / "config.json", config)
    layout.let_others_read(merged)
    models.check(merged)
