"""Which of torchrun's processes failed, and what each said itself: torchrun only tells that something failed.

Pure text. What it means is told by failure.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Rank:
    """One process that ended badly."""

    exit_code: int
    log: str
    """The log without what others said about it."""


def failed(log: str) -> list[Rank]:
    """Those that ended badly by torchrun's own summary, the first one first; empty when it wrote none."""
    table = log[log.rfind("\nFailures:") :] if "\nFailures:" in log else ""
    others, _, first = table.partition("Root Cause (first observed failure):")
    return [_rank(log, int(found[1]), int(found[2])) for part in (first, others) for found in _ROW.finditer(part)]


_ROW = re.compile(r"rank\s+:\s+(\d+) .*\n\s+exitcode\s+:\s+(-?\d+)")
_TORCHRUN = re.compile(r"^[IWE]\d{4} .*torch/distributed/elastic/.*$", re.MULTILINE)


def _rank(log: str, number: int, exit_code: int) -> Rank:
    own = "\n".join(line for line in log.splitlines() if line.startswith(f"[rank{number}]:"))
    if not own:
        told = _TORCHRUN.search(log)
        own = log[: told.start()] if told else log
    return Rank(exit_code, re.sub(r"(?m)^\[rank\d+\]:\s?", "", own))
