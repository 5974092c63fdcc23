"""What is installed here; and what a host left out is completed.

xtuner and openxlab are installed without their own pins, in a step of its own.
A host that only knows requirements.txt (OpenXLab) skips requirements-nodeps.txt; the app makes up for it at start.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib import invalidate_caches
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from training.home import ROOT

PACKAGES = ("xtuner", "torch", "transformers", "peft")
"""What a training's outcome depends on."""
REQUIREMENTS = ROOT / "requirements-nodeps.txt"


def versions() -> dict[str, str]:
    """The version of each of PACKAGES that is installed; "?" where it is not."""
    return {package: _version(package) for package in PACKAGES}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


def missing() -> list[str]:
    """The requirements of requirements-nodeps.txt that cannot be imported."""
    invalidate_caches()
    lines = (line.partition("#")[0].strip() for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and find_spec(line.partition("==")[0]) is None]


def complete(say: Callable[[str], None] = print) -> list[str]:
    """Install what is missing, telling what happens; returns what is still missing (no network, no rights)."""
    wanted = missing()
    if not wanted:
        return []
    say(f"Installing {', '.join(wanted)} (missing on this host)...")
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", *wanted]
    done = subprocess.run(command, capture_output=True, text=True)
    wanted = missing()
    if wanted:
        say(f"Still missing: {', '.join(wanted)}. {(done.stderr.strip().splitlines() or [''])[-1]}")
        say(f"Training needs them; everything else works. By hand: pip install --no-deps -r {REQUIREMENTS.name}")
    return wanted
