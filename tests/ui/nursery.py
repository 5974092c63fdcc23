"""Pages that come soon: one process has imported what `python app.py` imports, and forks for each page that is wanted.

Only what comes before the first line of main() is spared, half of a page's start; tests/ui/test_doors.py starts the
real command. python -m tests.ui.nursery: a line of JSON in, the number of a process out.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from training.home import ROOT


class Nursery:
    """The process that forks. Ends with `end`, or with us."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.ui.nursery"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def page(self, port: int, log: Path) -> psutil.Process:
        """`python app.py` on this port, with this process' environment, from the log's folder."""
        assert self._process.stdin and self._process.stdout
        wanted = {"arguments": ["--port", str(port)], "log": str(log), "environment": dict(os.environ)}
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        return psutil.Process(int(self._process.stdout.readline()))

    def end(self) -> None:
        """Its pages are ended before."""
        self._process.communicate()


def _become_a_page(arguments: list[str], log: str, environment: dict[str, str]) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream, place in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
        os.dup2(stream, place)
    os.chdir(Path(log).parent)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.argv = [str(ROOT / "app.py"), *arguments]
    runpy.run_path(sys.argv[0], run_name="__main__")


def main() -> None:
    """Fork for every line that comes in."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    from ui import page, site  # noqa: F401

    assert threading.active_count() == 1, threading.enumerate()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a page that has ended
    answers = os.fdopen(os.dup(1), "w")
    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            _become_a_page(**json.loads(line))
        print(child, file=answers, flush=True)


if __name__ == "__main__":
    main()
