"""The process that reads one file: python -m training.importing.child FOLDER

It ends with report.json or error.json in the folder. Its memory is limited, and it does not outlive its page.
"""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import asdict
from pathlib import Path

from training.errors import UserError
from training.files import read_json, write_json
from training.importing import intake
from training.persona import Persona

MEMORY = 4 << 30
"""Bytes of address space."""


def main(folder: Path) -> int:
    """Read the file of request.json. Returns the exit code."""
    request = read_json(folder / "request.json")
    file = Path(request["file"])

    def tell(progress: intake.Progress) -> None:
        if os.getppid() != request["page"]:
            os._exit(1)  # nobody is there to save it
        write_json(folder / "progress.json", asdict(progress))

    try:
        _limit_memory()
        intake.take_in(
            file, folder, tell, request["persona"] and Persona.from_dict(request["persona"]), request["distinct"]
        )
        return 0
    except UserError as error:
        told = error
    except MemoryError:
        told = UserError("import_memory", file=file.name)
    except Exception as error:  # a defect of ours: the log gets the traceback, the page a sentence
        traceback.print_exc()
        told = UserError("import_died", reason=repr(error)[:300], log=folder / "import.log")
    details = {key: str(value) for key, value in told.details.items()}
    write_json(folder / "error.json", {"error": told.code, "details": details})
    return 1


def _limit_memory() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
