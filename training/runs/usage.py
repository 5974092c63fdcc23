"""What a run takes of the machine: the memory of its processes, and theirs on the GPU. Asked, never written."""

from __future__ import annotations

import csv
import shutil
import subprocess
import time
from dataclasses import dataclass
from functools import lru_cache

import psutil

from training import machine, process

SECONDS = 4
"""How long an answer holds for everybody who asks."""


@dataclass(frozen=True)
class Usage:
    """Bytes."""

    memory: int
    total: int
    """What the machine has."""
    gpu_memory: int | None = None
    """Of all its GPUs together; None where there is none, or the driver does not tell."""


def look(pid: int, mark: str) -> Usage | None:
    """What the process (the one with this start mark) and all below it take; None when it is gone."""
    return _look(pid, mark, int(time.monotonic() / SECONDS))


@lru_cache(maxsize=8)
def _look(pid: int, mark: str, _moment: int) -> Usage | None:
    if not process.is_alive(pid, mark):
        return None
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.Error:
        return None
    own, shared = 0, 0
    for member in tree:
        try:
            memory = member.memory_info()
        except psutil.Error:
            continue  # it ended meanwhile
        common = getattr(memory, "shared", 0)  # the same libraries in every process: they count once
        own, shared = own + memory.rss - common, max(shared, common)
    return Usage(own + shared, machine.memory(), _gpu_memory({member.pid for member in tree}))


def _gpu_memory(pids: set[int]) -> int | None:
    if not shutil.which("nvidia-smi"):
        return None
    query = ["nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
        rows = [(int(pid), float(mib)) for pid, mib in csv.reader(answer.splitlines(), skipinitialspace=True)]
    except (OSError, subprocess.SubprocessError, ValueError):
        return None  # in a container the driver often names no processes
    return round(sum(mib for pid, mib in rows if pid in pids) * 2**20)
