"""Until an XTuner tool begins: as installed, and without what the run does not use. python tests/bench/xtuner_tool.py

Each side five times in turn, two or three minutes; medians of wall and of CPU seconds.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TOOL = "xtuner.tools.train"
SIDES = {"as installed": [TOOL], "without": ["training.xtuner_tool", TOOL]}


def spent(modules: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one start."""
    before, began = os.times(), time.perf_counter()
    command = [sys.executable, "-m", *modules, "--help"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - began, used


def main() -> None:
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in SIDES}
    for _ in range(5):
        for name, modules in SIDES.items():
            found[name].append(spent(modules))
    for name, times in found.items():
        wall, used = (statistics.median(each) for each in zip(*times))
        print(f"{name}: {wall:.1f} s, {used:.1f} s of CPU")


if __name__ == "__main__":
    main()
