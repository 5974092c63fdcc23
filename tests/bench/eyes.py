"""The demo with eyes in parts, for a machine that others use as well: python tests/bench/eyes.py FOLDER PART [--seed 0]

PART is one of draw, pretrain, finetune, merge and exam, in this order, all in the same FOLDER; each prints its seconds,
and `exam` the rates. Together they are what `python -m training demo --eyes` does in one go, with the same recipe.
Needs a HOME (STUDIO_HOME).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("PYTHONWARNINGS", "ignore")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from training import models
from training.eyes import demo, example
from training.eyes.llava_config import Places
from training.models import starter_eyes
from training.persona import Persona

WHO = Persona("小明", "张三")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def do(part: str, folder: Path, seed: int) -> str:
    """What there is to tell of one part."""
    places = Places(models.starter.ensure(), starter_eyes.ensure(), folder / "data")
    pretrain, finetune = replace(demo.PRETRAIN, seed=seed), replace(demo.FINETUNE, seed=seed)
    made = example.build(WHO, seed)
    if part == "draw":
        folder.mkdir(parents=True)
        example.write(made, places.data)
        demo._first_sight(folder, pretrain, places)
    elif part == "pretrain":
        demo._train(folder / part, pretrain, replace(places, pretrained=folder / "first_sight.pth"), say)
    elif part == "finetune":
        before = folder / "pretrain" / "work" / f"iter_{pretrain.iterations}.pth"
        demo._train(folder / part, finetune, replace(places, pretrained=before), say)
    elif part == "merge":
        demo._merge(folder, folder / "finetune" / "work" / f"iter_{finetune.iterations}.pth", places)
    else:
        found = demo._examine(folder, made, WHO)
        return f"{found['rates']} {found['languages']}"
    return "done"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("part", choices=("draw", "pretrain", "finetune", "merge", "exam"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.monotonic()
    told = do(options.part, options.folder, options.seed)
    print(f"{options.part}: {told}, {time.monotonic() - began:.0f} s")
