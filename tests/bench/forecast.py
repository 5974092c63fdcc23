"""Forecast and reality: STUDIO_HOME=/somewhere python tests/bench/forecast.py [--steps 20] [--only lora,packed]

Six trainings of different shapes through XTuner, each with the page's forecast before it (after its probe), the memory
that its processes took at their peak, and the seconds it took. Prints a Markdown table. Wants a machine left alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("PYTHONWARNINGS", "ignore")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from training import dataset, forecast, home, identity, models, probe, runs
from training.persona import Persona
from training.recipe import Recipe
from training.runs import usage

PLAN = Recipe(batch_size=8, max_length=128, evaluation_inputs=(), lora_rank=16)
SHAPES: dict[str, tuple[str, Recipe]] = {
    "lora": (models.STARTER, PLAN),
    "packed": (models.STARTER, replace(PLAN, batch_size=1, max_length=1024, pack=True)),
    "qlora": (models.STARTER, replace(PLAN, method="qlora", batch_size=4, max_length=256, pack=True)),
    "full": (models.STARTER, replace(PLAN, method="full", batch_size=4)),
    "360M": ("wide", replace(PLAN, batch_size=4)),
    "two processes": (models.STARTER, replace(PLAN, batch_size=4, processes=2)),
}


def wide() -> None:
    """A model of SmolLM2-360M's shape, its weights random."""
    from transformers import AutoConfig, AutoModelForCausalLM

    place = home.models_dir() / "wide"
    if place.exists():
        return
    starter = models.starter.ensure(lambda stage, fraction: None)
    shape = {"hidden_size": 960, "intermediate_size": 2560, "num_hidden_layers": 32}
    heads = {"num_attention_heads": 15, "num_key_value_heads": 5, "head_dim": 64}
    config = AutoConfig.from_pretrained(starter, **shape, **heads)
    AutoModelForCausalLM.from_config(config).bfloat16().save_pretrained(place)
    for file in starter.iterdir():
        if not (place / file.name).exists():
            shutil.copy(file, place / file.name)


def measured(name: str, steps: int) -> str:
    """One line of the table."""
    model, plan = SHAPES[name][0], replace(SHAPES[name][1], steps=steps, save_every=steps)
    probed = probe.start("bench", model, plan)
    while probe.look(probed)[0]:
        time.sleep(0.5)
    _, error = probe.look(probed)
    if error:
        raise error
    told = forecast.of("bench", model, plan)
    run = runs.start("bench", model, plan, f"bench {name}")
    peak = 0
    while (status := runs.look(run)).live:
        if status.phase == "training":
            usage._look.cache_clear()
            now = usage.look(status.pid, status.mark)
            peak = max(peak, now.memory if now else 0)
        time.sleep(0.2)
    assert status.phase == "done", status
    assert told.memory and told.training
    cells = (
        name,
        f"{told.memory.total / 1e9:.2f}",
        f"{peak / 1e9:.2f}",
        f"{100 * (told.memory.total / peak - 1):+.0f} %",
        f"{told.step_seconds:.2f}",
        f"{status.step_seconds:.2f}",
        f"{told.training:.0f}",
        f"{status.seconds['training']:.0f}",
    )
    runs.delete(run)
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--only", default=",".join(SHAPES))
    options = parser.parse_args()
    wide()
    dataset.save("bench", identity.build(Persona("小明", "张三")))
    print("| shape | memory: forecast, GB | taken | off by | a step: probe, s | run | training: forecast, s | taken |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name in options.only.split(","):
        print(measured(name, options.steps), flush=True)


if __name__ == "__main__":
    main()
