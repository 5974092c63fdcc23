"""One of XTuner's tools, without what it would load and not use: python -m training.xtuner_tool TOOL ARGUMENTS

mmengine loads bitsandbytes and DeepSpeed wherever they are installed, a quarter of the time until a tool begins
(tests/bench/xtuner_tool.py). Where neither the command line nor the config names one, it counts as not installed.
"""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

_BASED = r"read_base|_base_|fromfile"
"""A config that stands on another one, which may say anything."""
_NAMES = {
    # Its optimizers go by their own names, and with bnb_ before those of torch.
    "bitsandbytes": rf"bitsandbytes|load_in_|bnb_|8bit|32bit|Paged|Lion|LAMB|LARS|AdEMAMix|{_BASED}",
    "deepspeed": rf"(?i:deepspeed|fused|onebit|zeroone)|{_BASED}",
}


def unused(arguments: Sequence[str]) -> list[str]:
    """The packages that a tool has no use for, given what follows its name."""
    files = [Path(each) for each in arguments if each.endswith(".py") and Path(each).is_file()]
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files]
    said = "\n".join([*(each for each in arguments if each.startswith("--")), *texts])
    # DeepSpeed's checkpoints are folders, and are put together by its own code.
    folders = any(each.endswith(".pth") and Path(each).is_dir() for each in arguments)
    return [
        name for name, words in _NAMES.items() if not re.search(words, said) and not (folders and name == "deepspeed")
    ]


def main(tool: str, *arguments: str) -> None:
    """Run the tool as `python -m TOOL` would."""
    for name in unused(arguments):
        sys.modules[name] = None  # type: ignore[assignment] # so an import of it fails, and nobody finds it
    sys.argv = [tool, *arguments]
    runpy.run_module(tool, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
