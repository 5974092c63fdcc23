"""The process that reads one file: python -m training.importing.child FOLDER

It ends with report.json or error.json in the folder. Its memory is limited, and it does not outlive its page.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training import errand
from training.errors import UserError
from training.files import read_json, readable
from training.importing import intake
from training.persona import Persona

MEMORY = 4 << 30
"""Bytes of address space."""


def main(folder: Path) -> int:
    """Read the file of request.json. Returns the exit code."""

    def read(request: dict[str, Any], tell: errand.Tell) -> None:
        errand.limit_memory(MEMORY)
        who = request["persona"] and Persona.from_dict(request["persona"])
        file, distinct = Path(request["file"]), request["distinct"]
        intake.take_in(file, folder, lambda progress: tell(asdict(progress)), who, distinct)

    file = readable(Path(read_json(folder / "request.json")["file"]).name)
    return errand.perform(folder, read, UserError("import_memory", file=file), "import_died")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
