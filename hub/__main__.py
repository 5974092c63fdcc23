"""Model repos from a terminal: python -m hub --help"""

from __future__ import annotations

import sys

from hub import terminal


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    from hub import command_line  # here, where Ctrl-C ends the loading in silence

    return command_line.main(arguments)


if __name__ == "__main__":
    sys.exit(terminal.run(main))
