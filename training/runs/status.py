"""status.json: how a run stands. Written by its run process alone, read by everybody.

phases.jsonl beside it has a line for every phase that was entered, and speaks when status.json cannot be read.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from training.files import read_json, write_json, writing_failed
from training.sentences import sentence

LIVE = ("queued", "preparing", "pretraining", "training", "converting", "examining", "merging", "stopping")
ENDED = ("done", "failed", "stopped")
PHASES = (*LIVE, *ENDED)


@dataclass(frozen=True)
class RunStatus:
    """One look at a run."""

    run: str
    phase: str
    """queued, preparing, pretraining (with pictures), training, examining, converting, merging, stopping; at the end
    done, failed or stopped.
    """
    step: int = 0
    """Of the training at hand, or of the last one."""
    total: int = 0
    first_total: int = 0
    """Steps of the first stage, of a run that learns to see; 0: there is none."""
    pid: int = 0
    mark: str = ""
    """Tells the run process from a later process with the same pid."""
    started: float = 0.0
    """Seconds since 1970, as all times here."""
    phase_started: float = 0.0
    finished: float | None = None
    exit_code: int | None = None
    reason: dict[str, Any] | None = None
    """Why it failed or stopped: {"reason" or "error": code, and what the sentence of that code wants to know}."""
    remedy: dict[str, Any] | None = None
    """Changes of the recipe that may help a failed run when it is resumed with them."""
    note: dict[str, Any] | None = None
    """What the phase is at just now, when it has parts (fetching weights: 40 %): {"note": code, ...}."""
    kept: int = 0
    """Step of the checkpoint that is merged: the recommended one, or the last where there is no exam."""
    step_seconds: float | None = None
    """How long a step takes, from the last few."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long the finished phases took, all attempts together."""
    resumes: int = 0
    """How often the run was resumed."""
    resumed_from: int | None = None
    """The step from which the last resume went on; 0: it began anew."""

    @property
    def live(self) -> bool:
        """Whether the run still goes on, or waits for its turn."""
        return self.phase in LIVE

    @property
    def elapsed_seconds(self) -> float:
        """How long the run has worked, all attempts together; the time it waited for its turn is not work."""
        worked = sum(seconds for phase, seconds in self.seconds.items() if phase != "queued")
        now = time.time() - self.phase_started if self.live and self.phase != "queued" else 0.0
        return worked + max(0.0, now)

    @property
    def eta_seconds(self) -> float | None:
        """Seconds until the last step of the training at hand; None while that is unknown."""
        if self.phase not in ("pretraining", "training") or self.step_seconds is None:
            return None
        return self.step_seconds * (self.total - self.step)

    def reason_sentence(self, language: str = "en") -> str:
        """Why it ended as it did, or ""."""
        return _say(self.reason, language)

    def note_sentence(self, language: str = "en") -> str:
        """What the phase is at just now, or ""."""
        return _say(self.note, language)


def _say(told: dict[str, Any] | None, language: str) -> str:
    for room in ("error", "reason", "note"):  # an error may tell a reason of its own; a reason tells no error
        if told and room in told:
            return sentence(f"{room}.{told[room]}", language, **{k: v for k, v in told.items() if k != room})
    return ""


def write(folder: Path, status: RunStatus) -> None:
    """Replace the run's status.json in one step."""
    write_json(folder / "status.json", asdict(status))


def write_phase(folder: Path, status: RunStatus) -> None:
    """Write the status of a run that has just entered a phase, so that it is remembered. Raises UserError."""
    write(folder, status)
    file = folder / "phases.jsonl"
    try:
        with file.open("a", encoding="utf-8") as stream:
            # The line before may have been cut off by a full disk.
            stream.write("\n" + json.dumps(asdict(status), ensure_ascii=False) + "\n")
    except OSError as error:
        raise writing_failed(error, file) from error


def read(folder: Path) -> RunStatus | None:
    """The last status written; None when there is none that can be read."""
    try:
        return _from(read_json(folder / "status.json"))
    except (OSError, ValueError, TypeError, AttributeError):
        return next(iter(phases(folder)[::-1]), None)


def phases(folder: Path) -> list[RunStatus]:
    """The status at the begin of every phase the run has entered so far, all attempts."""
    try:
        lines = (folder / "phases.jsonl").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            found.append(_from(json.loads(line)))
        except (ValueError, TypeError, AttributeError):
            continue  # an empty line, or one that was cut off
    return found


def _from(values: dict[str, Any]) -> RunStatus:
    known = {entry.name for entry in fields(RunStatus)}
    status = RunStatus(**{key: value for key, value in values.items() if key in known})
    if status.phase not in PHASES:
        raise ValueError(f"unknown phase: {status.phase}")
    return status
