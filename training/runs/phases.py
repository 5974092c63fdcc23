"""The phases of a run in their order, inside its process: prepare -> train -> examine -> convert -> merge.

Each works through child processes; a resume goes back to its checkpoint before it trains.
"""

from __future__ import annotations

import statistics
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from training import exam, models, process, xtuner
from training.errors import UserError
from training.exam import certificate, model_card, parity, recommendation
from training.merge import merge, parts, prune, whole_checkpoints
from training.runs import progress, queue, resumption
from training.runs.attempt import Failed, Run
from training.runs.divergence import gone_wrong
from training.runs.failure import Failure

KEEP_GRACE = 120.0
"""Seconds the training has to reach the end of its step and save, when it is stopped and kept."""
END_GRACE = 10.0
"""Seconds a child has to end by itself before it is killed."""


def through(run: Run, point: int | None, changes: dict[str, Any]) -> dict[str, Any]:
    """Take the run through its phases; `point` is the iteration to resume from. Returns its ending, for its status."""
    prepare(run)
    last = train(run, None if point is None else go_back(run, point, changes))
    stopped = run.asked > 0
    kept, doubt = examine(run, last)
    run.tell(kept=kept // run.recipe.accumulation)
    merge(run.folder, whole_checkpoints(run.folder / "work")[kept], run.execute, run.enter)
    compare(run)
    if exam.load(run.folder):
        certify(run)
    chosen = recommendation.load(run.folder)
    if chosen and chosen.step and not doubt and not stopped:  # a stopped run may go on from any of them
        prune(run.folder / "work", {kept, last})
    told = {"reason": "stopped_and_kept", "step": run.status.step} if stopped and not doubt else doubt
    if run.recipe.auto_stop and not stopped and not doubt and last < run.recipe.iterations:
        told = {"reason": "learned_early", "step": run.status.step, "total": run.recipe.steps}
    return {"phase": "stopped" if stopped else "done", "exit_code": 0, "reason": told}


def prepare(run: Run) -> None:
    """Fetch the starter weights when they are what is missing."""

    def note(stage: str, fraction: float) -> None:
        run.tell(note={"note": f"starter_{stage}", "percent": round(100 * fraction)})

    if run.spec["model"] == models.STARTER and not models.starter.ready():
        models.starter.ensure(note)
    models.check(Path(run.spec["model_folder"]))


def go_back(run: Run, point: int, changes: dict[str, Any]) -> Path | None:
    """Bring the folder to where this attempt goes on; returns the checkpoint, None to begin anew."""
    whole = whole_checkpoints(run.folder / "work")
    while point and not _reads(whole.get(point)):
        print(f"The checkpoint of iteration {point} is damaged.", flush=True)
        point = max((iteration for iteration in whole if iteration < point), default=0)
    with queue.locked():  # spec.json may just be renamed
        checkpoint = resumption.go_back(run.folder, point, changes)
    run.read_spec()
    step = point // run.recipe.accumulation
    run.tell(step=step, total=run.recipe.steps, resumed_from=step)
    print(f"Resumed from step {step}." if step else "Begun anew.", flush=True)
    return checkpoint


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


def train(run: Run, since: Path | None) -> int:
    """Train to the last step, or to where the user stopped it; returns the last checkpoint's iteration."""
    run.enter("training")
    config, work, accumulation = run.folder / "config.py", run.folder / "work", run.recipe.accumulation
    begun, asked = run.status.step, list[float]()
    waiting = {"note": "machines", "lines": "\n".join(xtuner.other_machines(config, work, run.recipe, since))}

    def look() -> None:
        points = progress.points(run.folder, accumulation)
        if points:
            recent = statistics.median(point.seconds for point in points[-10:]) * accumulation
            run.tell(step=points[-1].step, step_seconds=round(recent, 3))
        alone = run.recipe.nodes > 1 and not (points and points[-1].step > begun)
        run.tell(note=waiting if alone else exam.note(run.folder) if run.recipe.auto_stop else None)
        lost = gone_wrong(points, run.recipe)
        if lost:
            process.end_children(END_GRACE)
            raise Failed(_with_good_checkpoint(lost, work, accumulation))

    def tick() -> None:
        look()
        if run.asked and not asked:
            asked.append(time.monotonic())
            (work / xtuner.STOP_FILE).touch()
            run.enter("stopping")
        if asked and time.monotonic() > asked[0] + KEEP_GRACE:
            process.end_children(END_GRACE)

    if since is None or max(whole_checkpoints(work), default=0) < run.recipe.iterations:
        try:
            run.execute(xtuner.train(config, work, run.recipe, since), tick)
        except Failed as failed:
            if not asked or failed.exit_code is None:
                raise
        look()
    found = whole_checkpoints(work)
    if not found:
        raise Failed(Failure("stopped_too_early" if asked else "no_checkpoint", {"log": run.log}))
    return max(found)


def _with_good_checkpoint(lost: Failure, work: Path, accumulation: int) -> Failure:
    good = max((at for at in whole_checkpoints(work) if at // accumulation < lost.details["step"]), default=0)
    return replace(lost, details={**lost.details, "good": good // accumulation, "good_iteration": good})


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

    A dataset that was not built from a persona has no exam. What goes wrong here costs the choice, never the model.
    """
    if exam.persona(run.spec) is None:
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
        line = failure.get("line") or failure.get("signal", "")
        return last, {"reason": "exam_failed", "line": line, "log": failure["log"]}
    chosen = recommendation.load(run.folder)
    return (chosen.iteration if chosen and chosen.iteration else last), None
