"""The training room from a terminal: python -m training --help

Exit code 0 only on success; --json prints one JSON object as the last line; errors are one sentence on stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

from hub import terminal


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    from training.command_line import parser  # here, where Ctrl-C ends the loading in silence
    from training.errors import UserError

    options = parser().parse_args(arguments)
    if options.home:
        os.environ["STUDIO_HOME"] = options.home
    terminal.begun()
    try:
        answer = options.does(options)
    except UserError as error:
        return _failed(options, error.sentence(options.language), error.code)
    except subprocess.CalledProcessError as error:
        return _failed(options, f"exit code {error.returncode}: {subprocess.list2cmdline(error.cmd)}", "process_failed")
    terminal.answered(answer, options.json)
    return 0 if answer.get("ok", True) else 1


def _failed(options: argparse.Namespace, sentence: str, code: str) -> int:
    print(sentence, file=sys.stderr)
    if options.json:
        print(json.dumps({"ok": False, "error": code, "message": sentence}, ensure_ascii=False))
    return 1


if __name__ == "__main__":
    sys.exit(terminal.run(main))
