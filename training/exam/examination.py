"""An exam on demand: of a run's checkpoints, or of any model folder. The work is done by exam_process.py."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from training import exam, merge, models, runs
from training.errors import UserError
from training.exam import Report, certificate, model_card, recommendation
from training.eyes import run_data
from training.home import ROOT
from training.persona import Persona
from training.runs import holding
from training.xtuner import environment

Execute = Callable[[list[str], Path], None]
"""(command, folder): runs a command of a run to its end; raises when it fails."""


def of_run(run: str, whole: bool, execute: Execute, language: str = "en") -> dict[str, Any]:
    """Examine the checkpoints of an ended run that have no report yet; all of the run's exam as numbers.

    Raises UserError (run_missing, run_active, exam_without_persona, exam_first_stage).
    """
    with holding.held(run) as folder:
        if not exam.there_is(folder, runs.spec(run)):
            raise UserError("exam_without_persona", run=run)
        if not _has_base(folder, runs.spec(run)):
            raise UserError("exam_first_stage", run=run)
        execute(exam.command(folder, whole), folder)
        if runs.merged(run):
            model_card.write(folder)
            with suppress(UserError):  # the checkpoint of the model may be gone without an exam
                certificate.write(folder)
    return {"run": run, **(recommendation.told_of(folder, exam.load(folder), language) or {})}


def _has_base(folder: Path, spec: dict[str, Any]) -> bool:
    """Whether there is what every checkpoint is held against; with pictures it is what the first stage made."""
    begun = run_data.before(folder, spec) if spec.get("eyes") else None
    return begun is None or begun.exists()


def of_model(name: str, persona: Persona | None) -> dict[str, Any]:
    """Examine a model folder (or a base model by its name) and tell its numbers and what it answered wrongly.

    Without a persona it is the one beside a model that was merged here. Raises UserError (model_missing,
    model_incomplete, exam_needs_persona, model_failed).
    """
    path = Path(name).expanduser()
    folder = models.folder(path.absolute() if path.is_dir() else name)
    made = merge.origin(folder)
    if persona is None and not made.get("persona"):
        raise UserError("exam_needs_persona", model=name)
    who = persona or Persona.from_dict(made["persona"])
    base = Path(made["base"]) if made.get("base") and Path(made["base"]).is_dir() else None
    report = _asked(folder, who, base)
    wrong = [
        {"question": each.question, "answer": each.answer, "kind": each.kind, "fault": each.fault}
        for each in report.answers
        if each.fault
    ]
    numbers = {key: value for key, value in exam.told(report).items() if key not in ("step", "quick")}
    return {"model": str(folder), "base": str(base) if base else None, **numbers, "wrong": wrong}


def _asked(folder: Path, persona: Persona, base: Path | None) -> Report:
    command = exam.model_command(folder, persona, base)
    # Ctrl-C is ours: run() then ends the child, which would show where it was.
    own: dict[str, Any] = {"cwd": ROOT, "env": environment(folder), "start_new_session": True}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, **own)
    if done.returncode:
        raise UserError("model_failed", path=folder, reason=f"exit code {done.returncode}")
    return Report.from_dict(json.loads(done.stdout.splitlines()[-1]))
