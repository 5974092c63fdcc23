"""A conversion in a process of its own: its memory goes when it ends, and a kill takes it along."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
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


def tell(converted: Callable[[Path, Path], Iterator[float]], source: Path, target: Path) -> int:
    """The child's side: convert into the new folder `target`, and print how far it is, a number from 0 to 1 a line.

    Refused, it says so on stderr and prints the error as a JSON object. Returns the exit code; ENOSPC: a full disk.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
        for share in converted(source, target):
            print(f"{share:.3f}", flush=True)
    except UserError as refused:
        details = {key: str(value) for key, value in refused.details.items()}
        print(json.dumps({"error": refused.code, "details": details}), flush=True)
        print(refused, file=sys.stderr)
        return errno.ENOSPC if refused.code == "disk_full" else 1
    except OSError as failed:
        print(failed, file=sys.stderr)
        return errno.ENOSPC if failed.errno == errno.ENOSPC else 1
    return 0
