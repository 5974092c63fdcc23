"""From a wish to a run process: the run's folder, and the one detached process that owns it."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training import dataset, environment, machine, process, xtuner
from training.errors import UserError
from training.eyes import encoders, picture_sets, projector, run_data
from training.eyes.eyes_recipe import EyesRecipe
from training.files import write_json, write_text, writing_failed
from training.home import ROOT, runs_dir
from training.recipe import Recipe
from training.rows import write_lines
from training.runs import run_log, stages, status
from training.runs.failure import last_meaningful_line
from training.runs.record import START_DEADLINE
from training.runs.status import RunStatus


@dataclass(frozen=True)
class Wish:
    """What a run is to do."""

    dataset: str
    model: str
    recipe: Recipe
    eyes: EyesRecipe | None = None
    """With pictures: what it has beside the Recipe, and `dataset` is a picture set."""
    config: str = ""
    """A text of XTuner's kind to run instead of the one made of the recipe; not with pictures."""
    name: str = ""


def new_folder(wish: Wish, place: Path) -> Path:
    """A run's folder with all that its process needs; it is there whole, or not at all.

    A `config` given is taken as it is, but for the dataset's path: the run trains on its own copy.
    """
    folder = _made(wish.name or wish.dataset)
    try:
        spec = _spec(wish, place, folder)
        if wish.eyes:
            run_data.bring(wish.dataset, folder)
            if wish.eyes.pretrained:
                projector.bring(Path(wish.eyes.pretrained), place, Path(spec["encoder_folder"]), folder)
        else:
            _keep_rows(dataset.path(wish.dataset), folder / "data.json")
        if wish.config:
            rows = repr(str(dataset.path(wish.dataset)))
            write_text(folder / "config.py", wish.config.replace(rows, repr(str(folder / "data.json"))))
        else:
            stages.write_configs(folder, spec)
        write_json(folder / "spec.json", spec)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _spec(wish: Wish, place: Path, folder: Path) -> dict[str, Any]:
    """spec.json: what was asked for, and what it was when it was."""
    cards = picture_sets if wish.eyes else dataset
    spec: dict[str, Any] = {
        "run": folder.name,
        "name": wish.name or wish.dataset,
        "dataset": wish.dataset,
        "card": cards.card(wish.dataset),
        "model": wish.model,
        "model_folder": str(place),
        "device": machine.look().device,
        "recipe": asdict(wish.recipe),
        "own_config": bool(wish.config),
        "versions": environment.versions(),
        "created": time.time(),
    }
    if wish.eyes:
        spec |= {"eyes": asdict(wish.eyes), "encoder_folder": str(encoders.place(wish.eyes.encoder))}
    lines = [xtuner.plain_train(each.config, each.work, each.recipe) for each in stages.of(folder, spec)]
    return {**spec, "command": "\n".join(lines)}


_BIG = 32 << 20
"""Bytes of rows that XTuner should not have to read whole."""
_ID = "%Y%m%d-%H%M%S"


def _made(name: str) -> Path:
    slug = re.sub(r"[^\w]+", "-", name).strip("-")[:24]
    folder = runs_dir() / "-".join(filter(None, (time.strftime(_ID), slug, secrets.token_hex(2))))
    try:
        folder.mkdir()
        (folder / "work").mkdir()
    except OSError as error:
        raise writing_failed(error, folder) from error
    return folder


def _keep_rows(rows: Path, copy: Path) -> None:
    if rows.stat().st_size > _BIG and write_lines(rows, copy):
        return
    # A dataset file is only ever replaced, never changed, so a second name for it is a true copy that costs nothing.
    try:
        os.link(rows, copy)
    except OSError:
        try:
            shutil.copyfile(rows, copy)
        except OSError as error:
            raise writing_failed(error, copy) from error


def launch(folder: Path, *arguments: str) -> None:
    """Start the run's process; returns when it has spoken for the first time. Raises UserError(run_did_not_start)."""
    process.end_strays(folder)  # two trainings in one folder would spoil each other
    before = status.read(folder)
    with (folder / "run.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "training.runs.run_process", str(folder), *arguments],
            cwd=ROOT,
            env=xtuner.environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_DEADLINE
    while (now := status.read(folder)) is None or (before and now.mark == before.mark):
        if child.poll() is not None or time.monotonic() > deadline:
            process.end_tree(child.pid, grace=1)
            child.wait()
            line = last_meaningful_line(run_log.tail(folder))
            failed = UserError("run_did_not_start", line=line, log=str(folder / "run.log"))
            if before is None:
                with suppress(UserError):  # a full disk may be why it did not start
                    status.write(folder, _unborn(folder.name, failed))
            raise failed
        time.sleep(0.05)
    # Its end is collected here while this process lives, so that it does not stay behind as a zombie.
    threading.Thread(target=child.wait, daemon=True).start()


def _unborn(run: str, error: UserError) -> RunStatus:
    return RunStatus(run, "failed", reason={"error": error.code, **error.details})


def sweep() -> None:
    """Remove what killed starts, runs and deletions left behind. Only while nobody else starts (queue.locked)."""
    process.end_strays(runs_dir())
    for folder in runs_dir().iterdir():
        unborn = re.match(r"\d{8}-\d{6}-", folder.name) and not (folder / "spec.json").exists()
        if folder.is_dir() and (unborn or folder.name.startswith(".deleted-")):
            shutil.rmtree(folder, ignore_errors=True)  # what cannot be removed now is found again next time
