"""A conversion in a process of its own: its memory goes when it ends, and a kill takes it along."""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from training.errors import UserError
from training.home import ROOT


def convert(module: str, source: Path, part: Path, lock: int, said: Callable[[str], None]) -> str:
    """`python -m MODULE SOURCE PART/model`; `said` hears each line of its output.

    `lock` is a descriptor that holds the place until the process has ended too. Returns why it failed, "" when it did
    not: the last line of its errors, which lie in PART/log. Raises UserError(disk_full).
    """
    with (part / "log").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(source), str(part / "model")],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,  # it ends with us: a conversion nobody listens to dies of a broken pipe
            stderr=errors,
            text=True,
            pass_fds=[lock],
        )
    try:
        for line in process.stdout or ():
            said(line)
        code = process.wait()
    finally:
        process.kill()
        process.communicate()
    if code == errno.ENOSPC:
        raise UserError("disk_full", path=part.parent)
    last = (part / "log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return (last[-1][:300] if last else f"exit code {code}") if code else ""
