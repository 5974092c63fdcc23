"""What `python -m training pictures` does with its arguments; training/__main__.py has the parser."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from training.errors import UserError
from training.eyes import llava
from training.sentences import sentence


def check(options: argparse.Namespace) -> dict[str, Any]:
    """Look at a LLaVA JSON and its pictures: how many rows can be used, and a sentence for every other one on stderr.

    Raises UserError(llava_unreadable).
    """
    file = Path(options.file)
    found = llava.read(file, Path(options.images) if options.images else file.parent)
    problems = [
        {"row": row, "code": error.code, "message": error.sentence(options.language)} for row, error in found.problems
    ]
    for each in problems:
        print(sentence("eyes.row", options.language, **each), file=sys.stderr)
    told: dict[str, Any] = {
        "file": str(file),
        "rows": len(found.talks),
        "pictures": len({talk.image for talk in found.talks if talk.image}),
        "text_only": sum(not talk.image for talk in found.talks),
        "bad": len(problems),
        "problems": problems,
    }
    if not found.talks:
        nothing = UserError("llava_nothing_good", file=file.name, bad=len(problems))
        return {**told, "ok": False, "error": nothing.code, "message": nothing.sentence(options.language)}
    return told
