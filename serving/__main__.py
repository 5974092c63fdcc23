"""Talk to a model in the terminal: python -m serving chat --help"""

from __future__ import annotations

import sys

from hub import terminal


def main() -> int:
    """Run the command; returns the exit code."""
    from serving import command_line  # here, where Ctrl-C ends the loading in silence

    return command_line.main()


if __name__ == "__main__":
    sys.exit(terminal.run(main))
