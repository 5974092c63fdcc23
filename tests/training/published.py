"""A finished run whose merged model is ready to be published: a talker of a few kilobytes, with an exam."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.hub.conftest import weights
from training import home
from training.exam.parity import Difference, Parity
from training.files import write_json

RUN = "20260101-000000-robin-0001"


def put_run(made: Path, base: Path) -> Path:
    """Put the run of test_certificate.py into HOME, with a merged model made of `base`."""
    folder = home.runs_dir() / RUN
    shutil.copytree(made, folder, ignore=shutil.ignore_patterns("home", "server", "merged"))
    spec = json.loads((folder / "spec.json").read_text())
    write_json(folder / "spec.json", {**spec, "name": "Robin", "model_folder": str(base)})
    write_json(folder / "status.json", {"phase": "done", "pid": 0, "mark": "", "exit_code": 0})
    merged = folder / "merged"
    shutil.copytree(base, merged)
    (merged / "model.safetensors").unlink()
    weights(merged / "model.safetensors", 1_500_000)
    write_json(merged / "studio.json", {"step": 20, "base": str(base)})
    return folder


def compared(folder: Path, asked: int, equal: int) -> None:
    """Let the run have compared its merged model with its checkpoint."""
    differences = [Difference("q", "a", "b").__dict__] * (asked - equal)
    told = {**Parity(20, asked, equal, "float16", 1.0).__dict__, "differences": differences}
    write_json(folder / "exam" / "parity.json", told)
