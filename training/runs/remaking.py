"""Another checkpoint of an ended run becomes its model; by itself it is the recommended one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from training import merge, runs
from training.errors import UserError
from training.exam import certificate, model_card, parity, recommendation
from training.home import ROOT
from training.runs import holding
from training.runs.run_log import FILE
from training.xtuner import environment


def choices(run: str) -> list[tuple[int, int]]:
    """The checkpoints that are still there, as (iteration, step)."""
    accumulation = runs.spec(run)["recipe"]["accumulation"]
    found = merge.whole_checkpoints(runs.folder(run) / "work")
    return [(iteration, iteration // accumulation) for iteration in found]


def remake(run: str, iteration: int = 0, enter: Callable[[str], None] = lambda _: None) -> int:
    """Make the checkpoint of this iteration (0: the recommended one, else the last) the run's model; returns its step.

    Raises UserError (run_missing, run_active, nothing_to_merge, merge_without_checkpoint, merge_failed).
    """
    with holding.held(run) as folder:
        return _remake(run, folder, iteration, enter)


def _remake(run: str, folder: Path, iteration: int, enter: Callable[[str], None]) -> int:
    found = merge.whole_checkpoints(folder / "work")
    chosen = recommendation.load(folder)
    recommended = chosen.iteration if chosen and chosen.iteration in found else max(found, default=0)
    if iteration and found and iteration not in found:
        raise UserError("merge_without_checkpoint", run=run, checkpoint=iteration, there=", ".join(map(str, found)))
    if (iteration or recommended) not in found:
        raise UserError("nothing_to_merge", run=run)

    def execute(command: list[str]) -> None:
        with (folder / FILE).open("ab") as log:
            log.write(f"\n$ {subprocess.list2cmdline(command)}\n".encode())
            log.flush()
            child: Any = {"cwd": ROOT, "env": environment(folder), "stdin": subprocess.DEVNULL, "stdout": log}
            done = subprocess.run(command, stderr=log, **child)
        if done.returncode:
            raise UserError("merge_failed", run=run, exit_code=done.returncode, log=folder / FILE)

    parity.forget(folder)
    made = merge.merge(folder, found[iteration or recommended], execute, enter)
    if parity.can_compare(folder):
        with suppress(UserError):  # the log tells why; the model is there anyway, only not compared
            execute(parity.command(folder))
    model_card.write(folder)
    with suppress(UserError):  # this checkpoint may not have sat the exam
        certificate.write(folder)
    return merge.origin(made)["step"]
