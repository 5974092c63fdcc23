"""The phases of a run in their order, inside its process: prepare -> train -> examine -> convert -> merge.

With pictures it trains twice. Each works through child processes; a resume goes back to its checkpoint before.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training import exam, models, process
from training.errors import UserError
from training.exam import certificate, model_card, parity, recommendation
from training.eyes import encoders, run_data
from training.merge import merge, parts, prune, whole_checkpoints
from training.models import starter_eyes, vision
from training.runs import queue, resumption, stages
from training.runs.attempt import Failed, Run
from training.runs.stages import Stage
from training.runs.trainer import END_GRACE, train


def through(run: Run, point: int | None, changes: dict[str, Any]) -> dict[str, Any]:
    """Take the run through its phases; `point` is the iteration to resume from. Returns its ending, for its status."""
    prepare(run)
    since = None if point is None else go_back(run, point, changes)
    if run.spec.get("eyes"):
        first_sight(run)
    last = 0
    for stage in run.stages:
        last = train(run, stage, since)
        if run.asked and stage is not run.stages[-1]:
            return end_early(run, stage, last)
    return finish(run, last - run.stages[-1].before)


def finish(run: Run, last: int) -> dict[str, Any]:
    """Examine, choose, merge and certify what the last stage trained up to its iteration `last`. Returns the ending."""
    stopped = run.asked > 0
    kept, doubt = examine(run, last)
    run.tell(kept=kept // run.recipe.accumulation)
    parity.forget(run.folder)
    merge(run.folder, whole_checkpoints(run.folder / "work")[kept], run.execute, run.enter)
    compare(run)
    certify(run)
    chosen = recommendation.load(run.folder)
    if chosen and chosen.step and not doubt and not stopped:  # a stopped run may go on from any of them
        prune(run.folder / "work", {kept, last})
    told = {"reason": "stopped_and_kept", "step": run.status.step} if stopped and not doubt else doubt
    if run.recipe.auto_stop and not stopped and not doubt and last < run.recipe.iterations:
        told = {"reason": "learned_early", "step": run.status.step, "total": run.recipe.steps}
    return {"phase": "stopped" if stopped else "done", "exit_code": 0, "reason": told}


def end_early(run: Run, stage: Stage, last: int) -> dict[str, Any]:
    """Merge what was stopped in the first stage: a model that only describes pictures. Returns the run's ending."""
    merge(run.folder, stage.checkpoints()[last], run.execute, run.enter)
    certify(run)
    told = {"reason": "stopped_in_first_stage", "step": run.status.step, "total": stage.recipe.steps}
    return {"phase": "stopped", "exit_code": 0, "reason": told}


def prepare(run: Run) -> None:
    """Fetch the starter weights when they are what is missing."""

    def note(what: str) -> Callable[[str, float], None]:
        return lambda stage, fraction: run.tell(note={"note": f"{what}_{stage}", "percent": round(100 * fraction)})

    if run.spec["model"] == models.STARTER and not models.starter.ready():
        models.starter.ensure(note("starter"))
    models.check(Path(run.spec["model_folder"]))
    if run.spec.get("eyes"):
        if run.spec["eyes"]["encoder"] == encoders.STARTER and not starter_eyes.ready():
            starter_eyes.ensure(note("eyes"))
        vision.check(Path(run.spec["encoder_folder"]))


def first_sight(run: Run) -> None:
    """Fit the projector that the run begins with, unless that is there already or not wanted."""
    file = run_data.begun_with(run.folder, run.spec)
    if file is None or file.exists():
        return
    run.tell(note={"note": "first_sight"})
    run.execute(run_data.fit_first_sight(run.folder, run.spec))


def go_back(run: Run, point: int, changes: dict[str, Any]) -> int:
    """Bring the folder to where this attempt goes on; returns that iteration, 0 to begin anew."""
    whole = stages.checkpoints(run.folder, run.spec)
    while point and not _reads(whole.get(point)):
        print(f"The checkpoint of iteration {point} is damaged.", flush=True)
        point = max((iteration for iteration in whole if iteration < point), default=0)
    with queue.locked():  # spec.json may just be renamed
        resumption.go_back(run.folder, point, changes)
    run.read_spec()
    phase, step = stages.said(run.folder, run.spec, point)
    total = next(stage.recipe.steps for stage in run.stages if stage.phase == phase)
    run.tell(step=step, total=total, resumed_from=step)
    print(f"Resumed from step {step} of {phase}." if step else "Begun anew.", flush=True)
    return point


def _reads(checkpoint: Path | None) -> bool:
    """Whether a checkpoint can be read to its end."""
    if checkpoint is None:
        return False
    try:
        for part in parts(checkpoint):
            with zipfile.ZipFile(part) as archive:
                if archive.testzip() is not None:
                    return False
        return True
    except (OSError, zipfile.BadZipFile):
        return False


def certify(run: Run) -> None:
    """Write model card and certificate. They can be written again at any time, so the run does not fail for them."""
    try:
        model_card.write(run.folder)
        certificate.write(run.folder)
    except UserError as error:
        print(error, flush=True)


def compare(run: Run) -> None:
    """Ask the merged model what its checkpoint was asked: how exact was the merge? The model is there anyway."""
    if not parity.can_compare(run.folder):
        return
    run.tell(note={"note": "comparing"})
    try:
        run.execute(parity.command(run.folder))
    except Failed as failed:
        print(f"The merged model was not compared: {failed.failure.reason}", flush=True)


def examine(run: Run, last: int) -> tuple[int, dict[str, Any] | None]:
    """Let every checkpoint sit the exam: the iteration to keep, and why it is the last one if the exam did not choose.

    Both are the last stage's own. A dataset that was not built from a persona has no exam. What goes wrong here costs
    the choice, never the model.
    """
    if not exam.there_is(run.folder, run.spec):
        return last, None
    asked = run.asked
    run.enter("examining")

    def tick() -> None:
        run.tell(note=exam.note(run.folder))
        if run.asked > asked:
            process.end_children(END_GRACE)

    failure: dict[str, Any] = {}
    try:
        run.execute(exam.command(run.folder), tick)
    except Failed as failed:
        failure = failed.failure.reason
    if run.asked > asked:
        return last, {"reason": "exam_skipped", "step": run.status.step}
    if failure:
        line = failure.get("signal") or failure.get("line", "")  # what was killed had no say in it
        return last, {"reason": "exam_failed", "line": line, "log": failure["log"]}
    chosen = recommendation.load(run.folder)
    return (chosen.iteration if chosen and chosen.iteration else last), None
