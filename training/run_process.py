"""The one process of a run: python -m training.run_process RUN_FOLDER

prepare -> train -> examine -> convert -> merge, each by a child process, and the only writer of status.json.
SIGTERM: stop and discard. SIGUSR1: stop and keep; during the exam, skip the rest of it. It needs neither torch nor a
page.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from training import exam, models, process, progress, recommendation, run_log, status, xtuner
from training import recipe as recipes
from training.errors import UserError
from training.failure import explain
from training.files import read_json
from training.home import ROOT
from training.merge import merge, prune, whole_checkpoints
from training.status import RunStatus

TICK = 0.5
"""Seconds between two looks at the training process."""
KEEP_GRACE = 120.0
"""Seconds the training has to reach the end of its step and save, when it is stopped and kept."""
END_GRACE = 10.0
"""Seconds a child has to end by itself before it is killed."""


class Failed(Exception):
    """The run cannot go on; carries the reason for status.json."""

    def __init__(self, reason: dict[str, Any], exit_code: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.exit_code = reason, exit_code


class Discarded(Exception):
    """The user wants the run to end at once."""


class Run:
    """A run's folder, its status, and what the user asked of it meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spec = read_json(folder / "spec.json")
        self.recipe = recipes.from_dict(self.spec["recipe"])
        self.asked = 0
        """How many times the user asked to stop and keep."""
        now = time.time()
        self.status = RunStatus(
            run=folder.name,
            phase="preparing",
            total=self.recipe.steps,
            pid=os.getpid(),
            mark=process.start_mark(os.getpid()) or "",
            started=now,
            phase_started=now,
        )
        status.write(folder, self.status)

    def enter(self, phase: str, **changes: Any) -> None:
        """Begin the next phase; the time of the last one is noted."""
        now = time.time()
        seconds = {**self.status.seconds, self.status.phase: round(now - self.status.phase_started, 1)}
        self.status = replace(self.status, phase=phase, phase_started=now, note=None, seconds=seconds, **changes)
        status.write(self.folder, self.status)

    def tell(self, **changes: Any) -> None:
        """Write what has changed, if it has."""
        changed = replace(self.status, **changes)
        if changed != self.status:
            self.status = changed
            status.write(self.folder, changed)

    def execute(self, command: list[str], tick: Callable[[], None] | None = None) -> None:
        """Run a child to its end, its output in run.log. Raises Failed with the reason when it fails."""
        print(f"\n$ {subprocess.list2cmdline(command)}", flush=True)
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=xtuner.environment(self.folder),
            stdin=subprocess.DEVNULL,
            preexec_fn=process.die_with_parent,  # safe: this process has one thread
        )
        while child.poll() is None:
            try:
                child.wait(TICK)
            except subprocess.TimeoutExpired:
                pass
            if tick:
                tick()
        if child.returncode:
            reason = explain(child.returncode, run_log.tail(self.folder))
            raise Failed({**reason, "log": str(self.folder / "run.log")}, child.returncode)


def prepare(run: Run) -> None:
    """Fetch the starter weights when they are what is missing."""

    def note(stage: str, fraction: float) -> None:
        run.tell(note={"note": f"starter_{stage}", "percent": round(100 * fraction)})

    if run.spec["model"] == models.STARTER and not models.starter.ready():
        models.starter.ensure(note)
    models.check(Path(run.spec["model_folder"]))


def train(run: Run) -> int:
    """Train to the last step, or to where the user stopped it; returns the last checkpoint's iteration."""
    run.enter("training")
    work, accumulation = run.folder / "work", run.recipe.accumulation
    asked: list[float] = []

    def tell_step() -> None:
        points = progress.points(run.folder, accumulation)
        if points:
            recent = statistics.median(point.seconds for point in points[-10:]) * accumulation
            run.tell(step=points[-1].step, step_seconds=round(recent, 3))

    def tick() -> None:
        tell_step()
        if run.asked and not asked:
            asked.append(time.monotonic())
            (work / xtuner.STOP_FILE).touch()
            run.enter("stopping")
        if asked and time.monotonic() > asked[0] + KEEP_GRACE:
            process.end_children(END_GRACE)

    try:
        run.execute(xtuner.train(run.folder / "config.py", work), tick)
    except Failed:
        if not asked:
            raise
    tell_step()
    found = whole_checkpoints(work)
    if not found:
        raise Failed({"reason": "stopped_too_early" if asked else "no_checkpoint", "log": str(run.folder / "run.log")})
    return max(found)


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
        failure = failed.reason
    if run.asked > asked:
        return last, {"reason": "exam_skipped", "step": run.status.step}
    if failure:
        line = failure.get("line") or failure.get("signal", "")
        return last, {"reason": "exam_failed", "line": line, "log": failure["log"]}
    chosen = recommendation.load(run.folder)
    return (chosen.iteration if chosen and chosen.iteration else last), None


def main(folder: Path) -> int:
    """Take the run to its end and say how it ended. Returns the exit code: 0 only for done, or stopped and kept."""
    process.adopt_orphans()
    run = Run(folder)

    def discard(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Discarded

    def keep(number: int, frame: FrameType | None) -> None:
        run.asked += 1

    signal.signal(signal.SIGTERM, discard)
    signal.signal(signal.SIGUSR1, keep)
    try:
        prepare(run)
        last = train(run)
        stopped = run.asked > 0
        kept, doubt = examine(run, last)
        run.tell(kept=kept // run.recipe.accumulation)
        merge(folder, whole_checkpoints(folder / "work")[kept], run.execute, run.enter)
        if recommendation.load(folder) and not doubt:
            prune(folder / "work", {kept, last})
        ending: dict[str, Any] = {"phase": "stopped" if stopped else "done", "exit_code": 0, "reason": doubt}
        if stopped and not doubt:
            ending["reason"] = {"reason": "stopped_and_kept", "step": run.status.step}
    except Discarded:
        run.enter("stopping")
        ending = {"phase": "stopped", "exit_code": 0, "reason": {"reason": "discarded", "step": run.status.step}}
    except Failed as failed:
        ending = {"phase": "failed", "exit_code": failed.exit_code, "reason": failed.reason}
    except UserError as error:
        ending = {"phase": "failed", "reason": {"error": error.code, **{k: str(v) for k, v in error.details.items()}}}
    except Exception as error:  # a defect of ours: the log gets the traceback, the page a sentence
        traceback.print_exc()
        told = {"reason": "defect", "line": repr(error), "log": str(folder / "run.log")}
        ending = {"phase": "failed", "reason": told}
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    process.end_children(END_GRACE)
    run.enter(ending.pop("phase"), finished=time.time(), **ending)
    return 0 if run.status.exit_code == 0 else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute()))
