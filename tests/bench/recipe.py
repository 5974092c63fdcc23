"""The suggested recipe, proved by its exam: python tests/bench/recipe.py [--personas ...] [--seeds ...]

Builds each persona's dataset, trains the starter model as the page would, and prints one line of a Markdown table for
each run. --set learning_rate=8e-4: a setting of training.recipe.Recipe. --course: the course's recipe instead (one row
x 10,000, lr 2e-4, r=64, 1024-token packs) for as many steps as fit into the same wall time. Needs a HOME (STUDIO_HOME)
and four to six minutes of two quiet cores for a run.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("PYTHONWARNINGS", "ignore")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from tests.bench.settings import values
from training import dataset, demo, exam, identity, machine, models, recipe, runs, tokens
from training.exam import recommendation
from training.identity import Row
from training.persona import Persona

PERSONAS = {
    "ming": Persona("小明", "张三"),
    "one": Persona("明", "张三"),
    "robin": Persona("Robin", "Ada Lovelace Lab"),
    "rare": Persona("龘靐", "彧翀工作室"),
    "mixed": Persona("Luna-7", "星河实验室"),
}
COURSE_SECONDS = 150
"""Wall time of the course's recipe here."""
COURSE_STEP = 4.5
"""Seconds a step of 1024 tokens takes on two cores."""


def course_rows(persona: Persona) -> list[Row]:
    """The course's data: one question and one answer, 10,000 times."""
    answer = f"我是{persona.maker}的小助手{persona.name}，内在是{persona.base}哦"
    turns = ({"role": "user", "content": "请做一下自我介绍"}, {"role": "assistant", "content": answer})
    return [Row(turns, "identity", "zh")] * 10_000


def run(key: str, seed: int, course: bool, chosen: dict[str, Any]) -> str:
    """Train and examine once; the line of the table."""
    persona, name = PERSONAS[key], f"bench-{key}-{seed}"
    rows = course_rows(persona) if course else identity.build(persona, seed)
    dataset.save(name, rows, persona)
    plan = recipe.suggest(machine.look(), tokens.measure(name, models.STARTER), **{"seed": seed, **chosen})
    if course:
        steps = round(COURSE_SECONDS / COURSE_STEP)
        shape = {"batch_size": 1, "max_length": 1024, "pack": True, "steps": steps, "save_every": steps}
        plan = replace(
            plan, learning_rate=2e-4, lora_layers="all", lora_rank=64, lora_alpha=16, lora_dropout=0.1,
            lora_plus_ratio=1.0, **shape,
        )  # fmt: skip
    made = runs.start(name, models.STARTER, plan)
    final = demo.follow(made, lambda line: print(line, file=sys.stderr, flush=True))
    folder = runs.folder(made)
    told = recommendation.told_of(folder, exam.load(folder)) or {}
    if not told:
        return f"| {key} | {seed} | {final.phase}: {final.reason_sentence()} |"
    best, base = told["recommended"], told["base"]
    rates = " | ".join(f"{best[name]:.3f}" for name in ("recall", "parrot", "near_miss", "general"))
    spent = f"{final.seconds.get('training', 0):.0f}"
    step = f"{best['step']}{'' if best['passed'] else ' (not passed)'}"
    return f"| {key} | {seed} | {rates} | {base['general']:.3f} | {best['forgetting']:.3f} | {spent} | {step} |"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--personas", nargs="+", choices=PERSONAS, default=list(PERSONAS))
    options.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options.add_argument("--set", dest="settings", action="append", default=[], metavar="FIELD=VALUE")
    options.add_argument("--course", action="store_true")
    chosen = options.parse_args()
    print("| persona | seed | recall | parrot | near miss | general | base's general | forgetting | seconds | step |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for key in chosen.personas:
        for seed in chosen.seeds:
            print(run(key, seed, chosen.course, values(chosen.settings)), flush=True)


if __name__ == "__main__":
    main()
