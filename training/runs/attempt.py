"""One attempt of a run, from inside its process: the status it writes, the children it starts, what it is asked.

The only writer of status.json. Not covered: what is done in which order (run_process.py).
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from training import process, xtuner
from training import recipe as recipes
from training.errors import UserError
from training.files import read_json, write_text
from training.home import ROOT
from training.recipe import Recipe
from training.runs import run_log, stages, status
from training.runs.failure import Failure, explain
from training.runs.status import RunStatus

TICK = 0.5
"""Seconds between two looks at a child."""
RESERVE = 64 * 1024
"""Bytes that lie ready, so that a run can say its last word on a full disk."""


class Failed(Exception):
    """The run cannot go on."""

    def __init__(self, failure: Failure, exit_code: int | None = None) -> None:
        super().__init__(failure)
        self.failure, self.exit_code = failure, exit_code


class Discarded(BaseException):
    """The user wants the run to end at once; no Exception, so that nothing on the way takes it for a failure."""


class Ended(BaseException):
    """Somebody else wants this process to end: a machine that shuts down."""


class Run:
    """A run's folder, its status, and what the user asked of it meanwhile."""

    def __init__(self, folder: Path, resumed: bool = False) -> None:
        self.folder = folder
        self.asked = 0
        """How many times the user asked to stop and keep."""
        self.log = str(folder / "run.log")
        self.read_spec()
        before = status.read(folder) if resumed else None
        now = time.time()
        self._began = time.monotonic()
        self.status = RunStatus(
            run=folder.name,
            phase="queued",
            step=before.step if before else 0,
            total=self.recipe.steps,
            first_total=self.stages[0].recipe.steps if len(self.stages) > 1 else 0,
            pid=os.getpid(),
            mark=process.start_mark(os.getpid()) or "",
            started=before.started if before else now,
            phase_started=now,
            seconds=before.seconds if before else {},
            resumes=(before.resumes if before else 0) + resumed,
        )
        self._write()

    def read_spec(self) -> None:
        """What was asked for; asked again after a resume has changed it."""
        self.spec = read_json(self.folder / "spec.json")
        self.recipe = recipes.from_dict(self.spec["recipe"])
        self.stages = stages.of(self.folder, self.spec)

    def enter(self, phase: str, **changes: Any) -> None:
        """Begin the next phase; the time of the last one is noted."""
        spent = time.monotonic() - self._began  # the clock on the wall may be set meanwhile
        seconds = dict(self.status.seconds)
        if self.status.phase != "queued" or spent > 2 * TICK:
            seconds[self.status.phase] = round(seconds.get(self.status.phase, 0) + spent, 1)
        self._began = time.monotonic()
        changes = {"note": None, "seconds": seconds, **changes}
        self.status = replace(self.status, phase=phase, phase_started=time.time(), **changes)
        self._write()

    def _write(self) -> None:
        reserve = self.folder / ".reserve"
        if not self.status.live:
            reserve.unlink(missing_ok=True)  # this is the last word, and after it the folder does not change
        try:
            status.write_phase(self.folder, self.status)
            if self.status.live and not reserve.exists():
                write_text(reserve, " " * RESERVE)
        except UserError:
            reserve.unlink(missing_ok=True)
            status.write_phase(self.folder, self.status)

    def tell(self, **changes: Any) -> None:
        """Write what has changed, if it has."""
        changed = replace(self.status, **changes)
        if changed == self.status:
            return
        self.status = changed
        try:
            status.write(self.folder, changed)
        except UserError:
            pass  # the disk is full for the moment; the training may not need it, and the next look tells the same

    def _environment(self) -> dict[str, str]:
        chosen = xtuner.devices(self.recipe, self.spec.get("device", "cpu"))
        return {**xtuner.environment(self.folder), **chosen, **process.owner(self.folder)}

    def execute(self, command: list[str], tick: Callable[[], None] | None = None, recipe: Recipe | None = None) -> None:
        """Run a child to its end, its output in run.log. Raises Failed with the reason when it fails.

        `recipe`: what it trains by, if it does; for what may help.
        """
        print(f"\n$ {subprocess.list2cmdline(command)}", flush=True)
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self._environment(),
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
            log = run_log.tail(self.folder)
            raise Failed(explain(child.returncode, log, recipe, self.log), child.returncode)
