"""What this machine has: cores, memory, GPUs. Asks the driver, not torch, so that the page may ask too."""

from __future__ import annotations

import csv
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Gpu:
    """One GPU as the driver names it."""

    name: str
    memory_gib: float
    compute_capability: float
    free_gib: float = 0.0
    """What nobody used when it was asked."""
    number: int = 0
    """The driver's number of it."""


@dataclass(frozen=True)
class Machine:
    """The machine a run would run on."""

    cores: int
    memory_gib: float
    gpus: tuple[Gpu, ...] = ()

    @property
    def device(self) -> str:
        """ "cuda" or "cpu"."""
        return "cuda" if self.gpus else "cpu"

    @property
    def bf16(self) -> bool:
        """Whether every GPU computes in bfloat16 natively (Ampere, compute capability 8.0, and newer)."""
        return bool(self.gpus) and all(gpu.compute_capability >= 8 for gpu in self.gpus)


def look() -> Machine:
    """This machine. A machine without nvidia-smi, or with a driver that does not answer, has no GPU."""
    cores = len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else psutil.cpu_count()
    return Machine(cores or 1, memory() / 2**30, _gpus())


def memory() -> int:
    """Bytes of memory that there are for us: the machine's, or a container's share of it."""
    limit = _allowed("memory.max")
    total = psutil.virtual_memory().total
    return total if limit is None else min(total, limit)


def free_memory() -> int:
    """Bytes of memory that are free for us; what a container only holds of files it has read counts as free."""
    available = psutil.virtual_memory().available
    limit, used = _allowed("memory.max"), _allowed("memory.current")
    if limit is None or used is None:
        return available
    return max(0, min(available, limit - used + (_allowed("memory.stat", "inactive_file") or 0)))


_GROUP = Path("/sys/fs/cgroup")
"""What the kernel allows a container, as the container sees it (cgroup v2)."""


def _allowed(file: str, entry: str = "") -> int | None:
    """The number in a file of the group, of the entry's line; None where there is none, or "max"."""
    try:
        lines = (line.split() for line in (_GROUP / file).read_text(encoding="utf-8").splitlines())
        return next(int(words[-1]) for words in lines if not entry or words[0] == entry)
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def amx() -> bool:
    """Whether the processor has a unit for matrix products in bf16, which training on it uses (Linux)."""
    try:
        return " amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was let go a moment ago counts as free
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def _gpus() -> tuple[Gpu, ...]:
    if not shutil.which("nvidia-smi"):
        return ()
    columns = "index,name,memory.total,memory.free,compute_cap"
    query = ["nvidia-smi", f"--query-gpu={columns}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
        rows = list(csv.reader(answer.splitlines(), skipinitialspace=True))
        return tuple(
            Gpu(name, float(memory) / 1024, float(capability), float(free) / 1024, int(number))
            for number, name, memory, free, capability in rows
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()
