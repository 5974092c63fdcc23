"""A few real steps on this machine, to know how long one takes: XTuner itself trains, and nothing of it is kept.

python -m training.probe FOLDER does it; its result lies in HOME/cache/probe-<key>/result.json.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil

from training import dataset, errand, machine, models, process, recipe, runs, xtuner, xtuner_config
from training.errors import UserError
from training.files import read_json, write_json
from training.home import ROOT, home
from training.recipe import Recipe
from training.rows import write_lines
from training.runs import progress
from training.runs.failure import last_meaningful_line

STEPS = 6
"""The first two are not counted: they warm up."""


def key(model: str, plan: Recipe, device: str) -> str:
    """Names what is measured: the same key, the same time a step."""
    weights = sorted((file.name, file.stat().st_size) for file in models.place(model).glob("*.safetensors"))
    told = {**asdict(plan), "steps": 0, "save_every": 0, "evaluation_inputs": (), "seed": 0, "learning_rate": 0}
    return hashlib.sha256(json.dumps([weights, told, device], sort_keys=True).encode()).hexdigest()[:16]


def known(probed: str) -> dict[str, Any] | None:
    """What was measured: {"step_seconds", "memory", "card": the data's}; None when nothing was."""
    try:
        found: dict[str, Any] = read_json(_folder(probed) / "result.json")
        return found
    except (OSError, ValueError):
        return None


def start(dataset_name: str, model: str, plan: Recipe) -> str:
    """Begin to measure; returns the key. Raises UserError (dataset_missing, model_missing, run_active, ...)."""
    recipe.checked(plan)
    if busy := runs.active():  # both would be slow, and the measure would stay
        raise UserError("run_active", run=busy)
    device = machine.look().device
    probed = key(model, plan, device)
    folder = _folder(probed)
    if errand.is_alive(folder):
        return probed
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wanted = {"rows": str(dataset.path(dataset_name)), "card": dataset.card(dataset_name), "device": device}
    wanted["model"] = str(models.folder(model))
    errand.start("training.probe", folder, {**wanted, "recipe": asdict(plan)})
    return probed


def look(probed: str) -> tuple[bool, UserError | None]:
    """Whether it is still measuring, and what went wrong."""
    folder = _folder(probed)
    alive = errand.is_alive(folder)
    if alive or known(probed):
        return alive, None
    died = UserError("probe_died", reason=errand.last_line(folder), log=folder / errand.LOG)
    return False, errand.error(folder) or died


def stop(probed: str) -> None:
    """End it at once."""
    errand.end(_folder(probed))


def _folder(probed: str) -> Path:
    return home() / "cache" / f"probe-{probed}"


def main(folder: Path) -> int:
    """Measure what request.json wants. Returns the exit code."""
    process.adopt_orphans()

    def work(request: dict[str, Any], tell: errand.Tell) -> None:
        plan = recipe.from_dict(request["recipe"])
        plan = replace(plan, deepspeed="none", processes=1, nodes=1)  # one process is timed
        few = replace(plan, steps=STEPS, save_every=STEPS, evaluation_inputs=("?",), evaluation_tokens=1)
        rows = folder / "data.json"
        if not write_lines(Path(request["rows"]), rows):
            shutil.copyfile(request["rows"], rows)
        text = xtuner_config.render(few, Path(request["model"]), rows, request["device"])
        (folder / "config.py").write_text(text, encoding="utf-8")
        (folder / "work").mkdir()
        peak = _train(folder, few, tell)
        seconds = [point.seconds for point in progress.points(folder, plan.accumulation)]
        shutil.rmtree(folder / "work")
        rows.unlink()
        if len(seconds) < 3:
            raise UserError("probe_died", reason=errand.last_line(folder), log=folder / errand.LOG)
        step = statistics.mean(seconds[2:]) * plan.accumulation
        write_json(folder / "result.json", {"step_seconds": step, "memory": peak, "card": request["card"]})

    return errand.perform(folder, work, UserError("probe_memory"), "probe_died")


def _train(folder: Path, plan: recipe.Recipe, tell: errand.Tell) -> int:
    """XTuner's few steps; returns the most memory it took, in bytes."""
    child = subprocess.Popen(
        xtuner.train(folder / "config.py", folder / "work", plan),
        cwd=ROOT,
        env={**xtuner.environment(folder), **xtuner.devices(plan, machine.look().device)},
        stdin=subprocess.DEVNULL,
        preexec_fn=process.die_with_parent,  # safe: this process has one thread
    )
    peak = 0
    while child.poll() is None:
        try:
            peak = max(peak, psutil.Process(child.pid).memory_info().rss)
        except psutil.Error:
            pass  # it ended just now
        tell({"steps": len(progress.points(folder)), "of": STEPS})
        time.sleep(0.3)
    if child.returncode:
        line = last_meaningful_line((folder / errand.LOG).read_text(encoding="utf-8", errors="replace"))
        raise UserError("probe_died", reason=line, log=folder / errand.LOG)
    return peak


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
