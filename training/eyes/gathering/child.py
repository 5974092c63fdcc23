"""The process that looks at what was dropped: python -m training.eyes.gathering.child FOLDER

It ends with taken.json or error.json in the folder. Its memory is limited, and it does not outlive its page.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from training import errand
from training.errors import UserError
from training.eyes.gathering import taking
from training.eyes.gathering.taken import Kept, Waiting, talk_of

MEMORY = 4 << 30
"""Bytes of address space."""


def main(folder: Path) -> int:
    """Take what request.json names. Returns the exit code."""

    def take(request: dict[str, Any], tell: errand.Tell) -> None:
        errand.limit_memory(MEMORY)
        there = {path: Kept(**each) for path, each in request["there"].items()}
        waiting = [Waiting(each["file"], each["row"], talk_of(each["talk"])) for each in request["waiting"]]
        given = [Path(each) for each in request["given"]]
        taking.take(given, folder, there, waiting, lambda done, total: tell({"done": done, "total": total}))

    return errand.perform(folder, take, UserError("gather_memory"), "gather_died")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
