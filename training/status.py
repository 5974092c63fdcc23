"""status.json: how a run stands. Written by its run process alone, read by everybody."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from training.files import read_json, write_json
from training.sentences import sentence

LIVE = ("preparing", "training", "converting", "examining", "merging", "stopping")
ENDED = ("done", "failed", "stopped")
PHASES = (*LIVE, *ENDED)


@dataclass(frozen=True)
class RunStatus:
    """One look at a run."""

    run: str
    phase: str
    """preparing, training, converting, examining, merging, stopping; at the end done, failed or stopped."""
    step: int = 0
    total: int = 0
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
    note: dict[str, Any] | None = None
    """What the phase is at just now, when it has parts (fetching weights: 40 %): {"note": code, ...}."""
    kept: int = 0
    """Step of the checkpoint that is merged: the recommended one, or the last where there is no exam."""
    step_seconds: float | None = None
    """How long a step takes, from the last few."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each finished phase took."""

    @property
    def live(self) -> bool:
        """Whether the run still goes on."""
        return self.phase in LIVE

    @property
    def eta_seconds(self) -> float | None:
        """Seconds until the last step; None while that is unknown."""
        if self.phase != "training" or self.step_seconds is None:
            return None
        return self.step_seconds * (self.total - self.step)

    def reason_sentence(self, language: str = "en") -> str:
        """Why it ended as it did, or ""."""
        return _say(self.reason, language)

    def note_sentence(self, language: str = "en") -> str:
        """What the phase is at just now, or ""."""
        return _say(self.note, language)


def _say(told: dict[str, Any] | None, language: str) -> str:
    for room in ("reason", "error", "note"):
        if told and room in told:
            return sentence(f"{room}.{told[room]}", language, **{k: v for k, v in told.items() if k != room})
    return ""


def write(folder: Path, status: RunStatus) -> None:
    """Replace the run's status.json in one step."""
    write_json(folder / "status.json", asdict(status))


def read(folder: Path) -> RunStatus | None:
    """The last status written; None when there is none that can be read."""
    try:
        values = read_json(folder / "status.json")
        known = {entry.name for entry in fields(RunStatus)}
        status = RunStatus(**{key: value for key, value in values.items() if key in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return status if status.phase in PHASES else None
