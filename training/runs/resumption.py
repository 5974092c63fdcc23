"""Going on with a run that has ended: from which checkpoint, with which changes, or why not.

Covered: the same folder and id, through XTuner's --resume, with step count, schedule and curve going on. Where a
change makes the optimizer's state worthless, it begins anew. What the new attempt replaces is set aside.
"""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training import machine, models, spread, xtuner
from training import recipe as recipes
from training.errors import UserError
from training.eyes import encoders, eyes_recipe, run_data
from training.files import read_json, write_json, write_text
from training.models import vision
from training.recipe import Recipe
from training.runs import holding, launch, record, stages, status
from training.runs import queue as turns
from training.runs.stages import Stage

FREE = frozenset({
    "system", "max_length", "pack", "batch_size", "lora_dropout", "max_norm", "activation_checkpointing",
    "save_every", "keep_checkpoints", "evaluation_inputs", "evaluation_tokens", "gpus", "address", "port",
})  # fmt: skip
"""Settings that may change between two steps: neither weights, optimizer nor schedule depend on them."""


def resumable(run: str) -> UserError | None:
    """Why the run cannot be resumed; None when it can. Raises UserError(run_missing)."""
    try:
        _check(run)
    except UserError as error:
        return error
    return None


def _check(run: str) -> None:
    now = record.look(run)
    if now.live or holding.is_held(record.folder(run)):
        raise UserError("run_active", run=run)
    if now.phase == "done":
        raise UserError("resume_done", run=run)
    spec, place = record.spec(run), record.folder(run)
    if not (run_data.there(place) if spec.get("eyes") else (place / "data.json").is_file()):
        raise UserError("resume_without_data", run=run)
    if machine.look().device != spec["device"]:
        raise UserError("resume_elsewhere", device=spec["device"])
    if spec["model"] != models.STARTER:  # the starter weights are fetched again
        models.check(Path(spec["model_folder"]))
    if spec.get("eyes") and spec["eyes"]["encoder"] != encoders.STARTER:
        vision.check(Path(spec["encoder_folder"]))


def resume_points(run: str) -> list[int]:
    """The iterations of the checkpoints a resume may go on from, the newest first: whole, and before any loss of it."""
    place = record.folder(run)
    good = _last_good(place)
    found = stages.checkpoints(place, record.spec(run))
    return sorted((iteration for iteration in found if good is None or iteration <= good), reverse=True)


def resume_point(run: str) -> int:
    """The iteration of the checkpoint a resume goes on from by default: the newest good one; 0 from the beginning."""
    return next(iter(resume_points(run)), 0)


def _last_good(place: Path) -> int | None:
    """The iteration after which the last training was lost, if it was; also when a resume died in the queue since."""
    for entered in reversed(status.phases(place)):
        if entered.phase in ("pretraining", "training"):
            break
        if entered.reason and "good_iteration" in entered.reason:
            return int(entered.reason["good_iteration"])
    return None


def continues(run: str, changes: dict[str, Any] | None = None) -> bool:
    """Whether a resume with these changes goes on from a checkpoint; otherwise it begins anew at step 0."""
    spec = record.spec(run)
    return _kept(record.folder(run), spec, _changed(spec, changes or {}), resume_point(run)) > 0


def resume(run: str, checkpoint: int | None = None, changes: dict[str, Any] | None = None, queue: bool = False) -> None:
    """Go on with a run in its own folder: from `checkpoint` (an iteration; the newest), with changes of its settings.

    Changes the optimizer cannot follow make it begin anew (see continues), with pictures the stage that they concern.
    While another run needs the same device: UserError(run_active), or with `queue` it waits for its turn. Raises
    UserError: run_missing, resume_..., model problems, recipe problems, disk_full, run_did_not_start.
    """
    with turns.locked():
        launch.sweep()
        _check(run)
        place, spec = record.folder(run), record.spec(run)
        if changes and spec.get("own_config"):
            raise UserError("resume_own_config")
        new = _changed(spec, changes or {})
        spread.checked(recipes.from_dict(new["recipe"]), machine.look())
        if checkpoint and checkpoint not in stages.checkpoints(place, spec):
            raise UserError("resume_without_checkpoint", run=run, checkpoint=checkpoint)
        point = resume_point(run) if checkpoint is None else checkpoint
        busy = turns.ahead(run, turns.devices(new))
        if busy and not queue:
            raise UserError("run_active", run=busy)
        turns.append(run)
        point = _kept(place, spec, new, point)
        launch.launch(place, "--resume", str(point), "--changes", json.dumps(changes or {}))


def _changed(spec: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """The spec with other settings. Raises UserError (recipe problems)."""
    of_eyes = {field: value for field, value in changes.items() if spec.get("eyes") and field in spec["eyes"]}
    others = {field: value for field, value in changes.items() if field not in of_eyes}
    recipe = recipes.checked(recipes.from_dict({**spec["recipe"], **others}))
    changed = {**spec, "recipe": asdict(recipe)}
    if spec.get("eyes"):
        eyes = eyes_recipe.checked(recipe, eyes_recipe.from_dict({**spec["eyes"], **of_eyes}))
        changed["eyes"] = asdict(eyes)
    return changed


def _kept(place: Path, old: dict[str, Any], new: dict[str, Any], point: int) -> int:
    """The iteration up to which the changed run can go on with what it learned, at most `point`."""
    for before, after in zip(stages.of(place, old), stages.of(place, new)):
        if point > before.before and not _legal(before.recipe, after.recipe):
            return before.before
    return point


def _legal(old: Recipe, new: Recipe) -> bool:
    """Whether a checkpoint of the old recipe can be gone on with under the new one."""
    before, after = asdict(old), asdict(new)
    differ = {name for name in before if before[name] != after[name]} - FREE
    if "method" in differ and {old.method, new.method} == {"lora", "qlora"}:
        differ.remove("method")  # the same added weights, on a base in another precision
    return not differ


def go_back(folder: Path, point: int, changes: dict[str, Any]) -> None:
    """Prepare the run's folder for an attempt that goes on from iteration `point`.

    Everything later (of a run that begins anew: everything) moves to aside/<attempt>/. May be repeated after a kill.
    """
    spec = read_json(folder / "spec.json")
    changed = _changed(spec, changes)
    aside = _next(folder / "aside")
    for stage in stages.of(folder, spec):
        _set_aside(folder, stage, point, aside)
    if changes:
        changed["changes"] = [*spec.get("changes", []), {"from": point, **changes}]
        write_json(folder / "spec.json", changed)
    if changed.get("changes"):
        stages.write_configs(folder, changed)  # also after an attempt that got no further than the line above


def _set_aside(folder: Path, stage: Stage, run_point: int, aside: Path) -> None:
    work, point = stage.work, stage.own(run_point)
    later = [path for iteration, path in xtuner.checkpoints(work).items() if iteration > point]
    later += [file for file in work.glob("*/vis_data/eval_outputs_iter_*.txt") if _iteration(file) > point]
    if stage.phase == "training":
        # What the first stage learns anew sits its exam anew, which is that of step 0.
        done = point if run_point >= stage.before else -1
        later += [file for file in folder.glob("exam/step_*.json") if _examined(file) > done]
        if later or run_point < stage.end:  # there will be others to choose from
            later += folder.glob("exam/recommendation.json")
    curves = list(work.glob("*/vis_data/scalars.json"))
    for curve in curves:
        kept = _until(curve, point)
        if kept == "":
            later.append(curve)
        elif kept is not None:
            copy = aside / curve.relative_to(folder)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(curve, copy)
            write_text(curve, kept)
    for path in later:
        target = aside / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    for rest in (xtuner.STOP_FILE, "last_checkpoint"):
        (work / rest).unlink(missing_ok=True)


def _next(aside: Path) -> Path:
    return aside / str(1 + len(list(aside.glob("*"))))


def _iteration(file: Path) -> int:
    # XTuner counts from 0 here: eval_outputs_iter_19.txt belongs to iter_20.pth.
    return _number(file) + 1


def _examined(report: Path) -> float:
    """The iteration of the checkpoint that sat this exam: a step may have been saved before its last one."""
    try:
        return int(read_json(report)["iteration"])
    except (OSError, ValueError, TypeError, KeyError):
        return math.inf  # nobody can read it


def _number(file: Path) -> int:
    digits = file.stem.rpartition("_")[2]
    return int(digits) if digits.isdigit() else 0


def _until(curve: Path, point: int) -> str | None:
    """The lines of a curve up to an iteration; None when there are no others."""
    lines = curve.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    kept = []
    for line in lines:
        try:
            step = json.loads(line)["step"]
        except (ValueError, TypeError, KeyError):
            continue  # cut off
        if step <= point:
            kept.append(line if line.endswith("\n") else f"{line}\n")
    return "".join(kept) if kept != lines else None
