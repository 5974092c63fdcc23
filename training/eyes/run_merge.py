"""From the checkpoints of a run with pictures to model folders: merged/, and before/ for what the first stage made."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from training import xtuner
from training.eyes import run_data
from training.files import replace_folder, write_json
from training.models import chat_template, layout

ORIGIN = "studio.json"
"""In a merged model's folder: what it was made of, so that it can be examined wherever it is."""

Execute = Callable[[list[str]], None]


def merge(
    folder: Path,
    spec: Mapping[str, Any],
    checkpoint: Path,
    execute: Execute,
    enter: Callable[[str], None],
    origin: Mapping[str, Any],
) -> Path:
    """Turn a checkpoint into folder/merged, and the end of the first stage into folder/before, where there was one.

    Each appears (or is replaced) when it is whole. A `checkpoint` of the first stage becomes merged, and there is no
    before. The converter's own folder, which `xtuner chat --llava` takes, stays as folder/adapter.
    """
    parts, half = folder / ".adapter", folder / ".merged"
    for rest in (parts, half):
        shutil.rmtree(rest, ignore_errors=True)
    first = checkpoint.parent.parent.name == run_data.FIRST
    try:
        enter("converting")
        config = checkpoint.parent.parent / "config.py"
        execute(xtuner.convert(config, checkpoint, parts))
        enter("merging")
        execute(_command(spec, parts, half))
        told = {**origin, "eyes": spec["encoder_folder"], **({"step": 0} if first else {})}
        _complete(half, spec, told)
        if not first:
            _before(folder, spec, execute, told)
        replace_folder(parts, folder / "adapter")
        put(half, folder / run_data.MERGED)
        return folder / run_data.MERGED
    finally:
        shutil.rmtree(half, ignore_errors=True)


def put(made: Path, place: Path) -> None:
    """Let a made model take its place. A README that lies there stays: a person may have written it (model_card.py)."""
    if (place / "README.md").is_file():
        shutil.copyfile(place / "README.md", made / "README.md")
    replace_folder(made, place)


def _before(folder: Path, spec: Mapping[str, Any], execute: Execute, origin: Mapping[str, Any]) -> None:
    """The model that the second stage began with: it is the same whatever was merged, so it is made once."""
    projector, place, half = run_data.before(folder, spec), folder / run_data.BEFORE, folder / ".before"
    if not spec["eyes"]["pretrain_steps"] or projector is None or not projector.is_file():
        return
    if place.is_dir() and place.stat().st_mtime > projector.stat().st_mtime:
        return
    shutil.rmtree(half, ignore_errors=True)
    try:
        execute(_command(spec, projector, half))
        _complete(half, spec, {**origin, "step": 0, "iteration": 0})
        replace_folder(half, place)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _command(spec: Mapping[str, Any], parts: Path, made: Path) -> list[str]:
    places = map(str, (spec["model_folder"], spec["encoder_folder"], parts, made))
    return [sys.executable, "-m", "training.eyes.llava_merge", *places]


def _complete(made: Path, spec: Mapping[str, Any], origin: Mapping[str, Any]) -> None:
    layout.check(made)
    if form := chat_template.named(spec["recipe"]["prompt_template"]):
        chat_template.end_answers(made, form)
    write_json(made / ORIGIN, dict(origin))
