"""Why a process of a run failed, in words: from its exit code and the end of the log."""

from __future__ import annotations

import re
import signal
from typing import Any

_NOISE = re.compile(r"^\s*(File \"|Traceback|\^+\s*$|~|During handling|The above exception|warnings?\.warn|\[rank\d|$)")
_ERROR = re.compile(r"^(?:\[rank\d+\]:\s*)?[\w.]*(?:Error|Exception|Interrupt|Exit)\b.*|.*\b(?:CUDA error|Killed)\b.*")


def explain(exit_code: int, log: str) -> dict[str, Any]:
    """The reason as {"reason": key of a sentence, ...its details}."""
    if exit_code < 0:
        name = signal.Signals(-exit_code).name if -exit_code in set(signal.Signals) else str(-exit_code)
        return {"reason": "trainer_killed", "signal": name}
    return {"reason": "trainer_crashed", "exit_code": exit_code, "line": last_meaningful_line(log)}


def last_meaningful_line(log: str) -> str:
    """The line a person would look for: the last exception, else the last line that says something."""
    lines = [line.strip() for line in log.splitlines() if not _NOISE.match(line)]
    errors = [line for line in lines if _ERROR.match(line)]
    found = errors or lines or [""]
    return found[-1][:300]
