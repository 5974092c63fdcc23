"""Runs as the page and the scripts see them: start, look, stop, list, delete. A run is a folder in HOME/runs.

Covered: the folder and the one detached process per run. Not covered: what that process does (run_process.py).
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from training import dataset, machine, models, run_log, status, xtuner, xtuner_config
from training import process as processes
from training import recipe as recipes
from training.errors import UserError
from training.failure import last_meaningful_line
from training.files import read_json, write_json, write_text, writing_failed
from training.home import ROOT, runs_dir
from training.recipe import Recipe
from training.status import RunStatus

START_DEADLINE = 30.0
"""Seconds a new run process has to write its first status."""
STOP_GRACE = 20.0
"""Seconds a discarded run has to end by itself before it is killed."""


@dataclass(frozen=True)
class Preview:
    """What Start would run."""

    config: str
    command: str
    plain_command: str


def preview(dataset_name: str, model: str, recipe: Recipe) -> Preview:
    """The XTuner config and commands of a run that is not started. Raises UserError."""
    rows = dataset.path(dataset_name)
    config, work = Path("config.py"), Path("work")
    text = xtuner_config.render(recipes.checked(recipe), models.place(model), rows, machine.look().device)
    command = subprocess.list2cmdline(xtuner.train(config, work))
    return Preview(text, command, xtuner.plain_train(config, work))


def start(dataset_name: str, model: str, recipe: Recipe, name: str = "") -> str:
    """Start a run and return its id; it goes on without whoever started it.

    Raises UserError: dataset_missing, dataset_broken, model_missing, run_active, recipe problems, disk_full,
    run_did_not_start.
    """
    recipes.checked(recipe)
    dataset.load(dataset_name)
    model_folder = models.place(model)
    with _starting():
        running = active()
        if running:
            raise UserError("run_active", run=running)
        folder = _new_folder(name or dataset_name)
        try:
            _write_spec(folder, dataset_name, model, model_folder, recipe, name)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        _launch(folder)
    return folder.name


def _new_folder(name: str) -> Path:
    slug = re.sub(r"[^\w]+", "-", name).strip("-")[:24]
    folder = runs_dir() / "-".join(filter(None, (time.strftime("%Y%m%d-%H%M%S"), slug, secrets.token_hex(2))))
    try:
        folder.mkdir()
        (folder / "work").mkdir()
    except OSError as error:
        raise writing_failed(error, folder) from error
    return folder


def _write_spec(folder: Path, dataset_name: str, model: str, place: Path, recipe: Recipe, name: str) -> None:
    _keep_rows(dataset.path(dataset_name), folder / "data.json")
    device = machine.look().device
    write_text(folder / "config.py", xtuner_config.render(recipe, place, folder / "data.json", device))
    write_json(
        folder / "spec.json",
        {
            "run": folder.name,
            "name": name or dataset_name,
            "dataset": dataset_name,
            "card": dataset.card(dataset_name),
            "model": model,
            "model_folder": str(place),
            "device": device,
            "recipe": asdict(recipe),
            "created": time.time(),
            "command": xtuner.plain_train(folder / "config.py", folder / "work"),
        },
    )


def _keep_rows(rows: Path, copy: Path) -> None:
    # A dataset file is only ever replaced, never changed, so a second name for it is a true copy that costs nothing.
    try:
        os.link(rows, copy)
    except OSError:
        try:
            shutil.copyfile(rows, copy)
        except OSError as error:
            raise writing_failed(error, copy) from error


def _launch(folder: Path) -> None:
    with (folder / "run.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "training.run_process", str(folder)],
            cwd=ROOT,
            env=xtuner.environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_DEADLINE
    while status.read(folder) is None:
        if process.poll() is not None or time.monotonic() > deadline:
            processes.end_tree(process.pid, grace=1)
            process.wait()
            line = last_meaningful_line(run_log.tail(folder))
            raise UserError("run_did_not_start", line=line, log=folder / "run.log")
        time.sleep(0.05)
    # Its end is collected here while this process lives, so that it does not stay behind as a zombie.
    threading.Thread(target=process.wait, daemon=True).start()


@contextmanager
def _starting() -> Iterator[None]:
    """Only one start at a time on this HOME, also between processes."""
    with (runs_dir() / ".lock").open("w") as lock:
        if sys.platform != "win32":
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def names() -> list[str]:
    """All runs, newest first."""
    return sorted((file.parent.name for file in runs_dir().glob("*/spec.json")), reverse=True)


def folder(run: str) -> Path:
    """The folder of a run. Raises UserError(run_missing)."""
    found = runs_dir() / run
    if not run or Path(run).name != run or not (found / "spec.json").is_file():
        raise UserError("run_missing", run=run)
    return found


def spec(run: str) -> dict[str, Any]:
    """What was asked for: dataset, model, recipe and so on."""
    return read_json(folder(run) / "spec.json")


def look(run: str) -> RunStatus:
    """How the run stands, whatever happened to its process. Raises UserError(run_missing)."""
    place = folder(run)
    now = status.read(place)
    if now is None:
        return RunStatus(run, "failed", reason={"reason": "status_unreadable", "log": str(place / "run.log")})
    if now.live and not processes.is_alive(now.pid, now.mark):
        # The process may have ended between our two looks, after its last word.
        now = status.read(place) or now
        if now.live:
            line = last_meaningful_line(run_log.tail(place))
            reason = {"reason": "process_gone", "line": line, "log": str(place / "run.log")}
            return replace(now, phase="failed", reason=reason, note=None)
    return now


def active() -> str | None:
    """The run that goes on now, if any."""
    return next((run for run in names() if look(run).live), None)


def merged(run: str) -> Path | None:
    """The folder of the merged model, when the run made one."""
    found = folder(run) / "merged"
    return found if found.is_dir() else None


def stop(run: str, keep: bool = False) -> RunStatus:
    """End a run. `keep`: after the step at hand, saved, converted and merged (the run process goes on with that, and
    this call returns at once). Otherwise everything ends now, and this call returns when the last process is gone.
    """
    now = look(run)
    if not now.live:
        return now
    processes.ask_to_stop(now.pid, now.mark, keep)
    if keep:
        return look(run)
    deadline = time.monotonic() + STOP_GRACE
    while processes.is_alive(now.pid, now.mark) and time.monotonic() < deadline:
        time.sleep(0.1)
    if processes.is_alive(now.pid, now.mark):
        processes.end_tree(now.pid, grace=1)
    return look(run)


def delete(run: str) -> None:
    """Remove a run with its checkpoints and its model. Raises UserError (run_missing, run_active)."""
    if look(run).live:
        raise UserError("run_active", run=run)
    shutil.rmtree(folder(run))
