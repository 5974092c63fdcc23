"""One training of a run: XTuner's process, watched while it goes on, and ended where it is lost or no longer wanted."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from pathlib import Path

from training import exam, process, xtuner
from training.eyes import eyes_recipe
from training.runs import progress
from training.runs.attempt import Failed, Run
from training.runs.divergence import gone_wrong
from training.runs.failure import Failure
from training.runs.stages import Stage

KEEP_GRACE = 120.0
"""Seconds the training has to reach the end of its step and save, when it is stopped and kept."""
END_GRACE = 10.0
"""Seconds a child has to end by itself before it is killed."""


def train(run: Run, stage: Stage, point: int | None) -> int:
    """Train a stage to its last step, or to where the user stopped it; returns its last checkpoint's run iteration.

    `point`: the run's iteration to resume from; a stage that lies before it is left as it is.
    """
    found = stage.checkpoints()
    if point and (point > stage.end or point == stage.end in found):
        return stage.end
    since = found[point] if point and point > stage.before else None
    run.enter(stage.phase, total=stage.recipe.steps, **({} if since else {"step": 0, "step_seconds": None}))
    watch = _Watch(run, stage, since)
    try:
        run.execute(xtuner.train(stage.config, stage.work, stage.recipe, since), watch.tick, stage.recipe)
    except Failed as failed:
        if not watch.asked or failed.exit_code is None:
            raise _as_of(stage, failed) from failed
    watch.look()
    found = stage.checkpoints()
    if not found:
        raise Failed(Failure("stopped_too_early" if watch.asked else "no_checkpoint", {"log": run.log}))
    last = max(found)
    run.tell(step=(last - stage.before) // stage.recipe.accumulation)  # long curves have no point for every step
    return last


class _Watch:
    """What is seen of a training while it goes on, and what is done about it."""

    def __init__(self, run: Run, stage: Stage, since: Path | None) -> None:
        self.run, self.stage = run, stage
        self.begun, self.asked = run.status.step, list[float]()
        lines = xtuner.other_machines(stage.config, stage.work, stage.recipe, since)
        self.waiting = {"note": "machines", "lines": "\n".join(lines)}

    def look(self) -> None:
        """Tell how far it is; raises Failed where the curve shows that it is lost."""
        run, recipe = self.run, self.stage.recipe
        points = progress.points(self.stage.folder, recipe.accumulation)
        if points:
            recent = statistics.median(point.seconds for point in points[-10:]) * recipe.accumulation
            run.tell(step=points[-1].step, step_seconds=round(recent, 3))
        alone = recipe.nodes > 1 and not (points and points[-1].step > self.begun)
        run.tell(note=self.waiting if alone else exam.note(run.folder) if recipe.auto_stop else None)
        lost = gone_wrong(points, recipe)
        if lost:
            process.end_children(END_GRACE)
            raise _as_of(self.stage, Failed(_with_good_checkpoint(lost, self.stage)))

    def tick(self) -> None:
        """Look, and pass on that the user wants it to stop."""
        self.look()
        if self.run.asked and not self.asked:
            self.asked.append(time.monotonic())
            (self.stage.work / xtuner.STOP_FILE).touch()
            self.run.enter("stopping")
        if self.asked and time.monotonic() > self.asked[0] + KEEP_GRACE:
            process.end_children(END_GRACE)


def _as_of(stage: Stage, failed: Failed) -> Failed:
    """What may help the first stage, as changes of the whole run."""
    remedy = failed.failure.remedy
    if stage.phase != "pretraining" or not remedy:
        return failed
    return Failed(replace(failed.failure, remedy=eyes_recipe.of_first_stage(remedy)), failed.exit_code)


def _with_good_checkpoint(lost: Failure, stage: Stage) -> Failure:
    every = stage.recipe.accumulation
    steps = {at: (at - stage.before) // every for at in stage.checkpoints()}
    good = max((at for at, step in steps.items() if step < lost.details["step"]), default=stage.before)
    return replace(lost, details={**lost.details, "good": steps.get(good, 0), "good_iteration": good})
