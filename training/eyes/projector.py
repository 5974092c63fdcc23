"""A projector that somebody has already: checked in a process of its own, and kept by the run as tensors alone.

`python -m training.eyes.projector FILE MODEL ENCODER TARGET`. Nothing that the file may bring besides is ever run:
torch reads it with weights_only=True, and XTuner's checkpoints, which hold a training's history too, are read by
checkpoint.py, to which all but tensors is inert.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

from training import memory, process, xtuner
from training.errors import UserError
from training.eyes import encoders, run_data
from training.home import ROOT, home, runs_dir
from training.models import sources
from training.runs.failure import last_meaningful_line

LAYERS = ("0", "2")
"""Of XTuner's projector, with a GELU between them."""


def bring(file: Path, model: Path, encoder: Path, folder: Path) -> None:
    """Write the projector in `file` as given.pth of the run in `folder`.

    Raises UserError: projector_missing, projector_not_here, projector_none, projector_does_not_fit,
    projector_unreadable.
    """
    file = file.expanduser()
    if not sources.takes_folders() and not file.resolve().is_relative_to(home().resolve()):
        raise UserError("projector_not_here")  # nobody from outside looks around on this machine
    if not file.is_absolute() or not file.is_file():
        raise UserError("projector_missing", file=file)
    command = [sys.executable, "-m", "training.eyes.projector", *map(str, (file, model, encoder))]
    done = subprocess.run(
        [*command, str(folder / run_data.GIVEN)],
        cwd=ROOT,
        env=xtuner.environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    try:
        told = json.loads(done.stdout.splitlines()[-1]) if done.stdout else None
    except ValueError:
        told = None
    if told and told.get("error"):
        raise UserError(told.pop("error"), file=file.name, **told)
    if done.returncode:
        raise UserError("projector_unreadable", file=file.name, reason=last_meaningful_line(done.stderr))


def known() -> list[tuple[str, Path]]:
    """The first stages of earlier runs that came to their end: (run, checkpoint), the newest first."""
    found = []
    for place in sorted(runs_dir().glob(f"*/{run_data.FIRST}/work"), reverse=True):
        file = xtuner.checkpoints(place)
        if file:
            found.append((place.parent.parent.name, file[max(file)]))
    return found


def _main(file: Path, model: Path, encoder: Path, target: Path) -> int:
    import torch

    process.die_with_parent()
    found = _tensors(file)
    weights = {name: found[name] for name in found if name.startswith("projector.")}
    wanted = {f"projector.model.{layer}.{kind}" for layer in LAYERS for kind in ("weight", "bias")}
    if set(weights) != wanted:
        return _refused("projector_none")
    seen, words = (weights[f"projector.model.{layer}.weight"].shape for layer in LAYERS)
    wide = _widths(model, encoder)
    if wide and (seen[1], words[0]) != wide:
        return _refused("projector_does_not_fit", theirs=f"{seen[1]} → {words[0]}", ours=f"{wide[0]} → {wide[1]}")
    torch.save({"state_dict": {name: each.float().clone() for name, each in weights.items()}}, target)
    return 0


def _refused(code: str, **details: str) -> int:
    print(json.dumps({"error": code, **details}))
    return 1


def _widths(model: Path, encoder: Path) -> tuple[int, int] | None:
    """Of what the encoder gives and the language model takes; None while one of them is not here."""
    sizes, words = encoders.shape(encoder), memory.shape(model)
    return (sizes["width"], words.width) if sizes and words else None


def _tensors(file: Path) -> dict[str, Any]:
    import torch

    from training import checkpoint  # it imports torch

    try:
        try:
            held = torch.load(file, "cpu", weights_only=True)
        except pickle.UnpicklingError:  # XTuner's own hold a training's history, too
            held = checkpoint.read(file)
    except Exception as error:  # whatever a file that is no checkpoint makes of its readers
        raise SystemExit(_refused("projector_unreadable", reason=str(error).splitlines()[0][:200])) from error
    found = held.get("state_dict", held) if isinstance(held, dict) else {}
    weights = found.items() if isinstance(found, dict) else ()
    return {name: each for name, each in weights if isinstance(each, torch.Tensor)}


if __name__ == "__main__":
    sys.exit(_main(*map(Path, sys.argv[1:])))
