"""Command lines of XTuner's tools. One of the two rooms that know its dialect (the other: xtuner_config.py).

`xtuner train` itself always exits 0 and takes `python` from PATH, so a run starts the modules behind it
with this interpreter; the plain line it equals is shown to the user.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from training.home import ROOT
from training.process import CALM

STOP_FILE = "stop_and_keep"
"""The training ends after the step at hand when this file is in its work folder."""


def train(config: Path, work_dir: Path, resume: Path | None = None) -> list[str]:
    """The command that trains. Its exit code is true."""
    return [sys.executable, "-m", "xtuner.tools.train", *_train_arguments(config, work_dir, resume)]


def plain_train(config: Path, work_dir: Path, resume: Path | None = None) -> str:
    """The same for a terminal, as the course writes it."""
    return shlex.join(["xtuner", "train", *_train_arguments(config, work_dir, resume)])


def convert(config: Path, checkpoint: Path, adapter: Path) -> list[str]:
    """The command that turns a checkpoint into a Hugging Face adapter (or, for full, into a model folder)."""
    tool = "xtuner.tools.model_converters.pth_to_hf"
    return [sys.executable, "-m", tool, str(config), str(checkpoint), str(adapter), "--fp32", "--safe-serialization"]


def merge(model: Path, adapter: Path, merged: Path) -> list[str]:
    """The command that adds an adapter to the base weights (in fp16, as safetensors)."""
    # Always on the CPU: it takes seconds there, and whoever chats on the GPU keeps his memory.
    options = ["--safe-serialization", "--device", "cpu"]
    paths = [str(model), str(adapter), str(merged)]
    return [sys.executable, "-m", "xtuner.tools.model_converters.merge", *paths, *options]


def checkpoints(work_dir: Path) -> dict[int, Path]:
    """The checkpoints in a work folder by their iteration, in order."""
    found = {}
    for path in work_dir.glob("iter_*.pth"):
        iteration = path.stem.removeprefix("iter_")
        if iteration.isdigit():
            found[int(iteration)] = path
    return dict(sorted(found.items()))


def environment(run_folder: Path) -> dict[str, str]:
    """Variables for XTuner's processes: no network, no stranger's secrets, caches inside the run."""
    kept = {name: value for name, value in os.environ.items() if not _secret(name)}
    return {
        **CALM,
        **kept,
        "PYTHONPATH": os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), str(ROOT)))),
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(run_folder / "work" / "datasets_cache"),
        "TOKENIZERS_PARALLELISM": "false",
    }


def _train_arguments(config: Path, work_dir: Path, resume: Path | None) -> list[str]:
    arguments = [str(config), "--work-dir", str(work_dir)]
    return [*arguments, "--resume", str(resume)] if resume else arguments


def _secret(name: str) -> bool:
    return name.upper().endswith(("TOKEN", "SECRET", "PASSWORD", "_AK", "_SK", "_KEY"))
