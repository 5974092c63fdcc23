"""The demo with eyes, with other settings: python tests/bench/eyes.py [--seed 0] [--set steps=300]

It is what `python -m training demo --eyes` does, an ordinary run in HOME/runs (STUDIO_HOME), and prints each exam's
rates. Settings are the fields of training.recipe.Recipe and training.eyes.eyes_recipe.EyesRecipe, amounts those of
example.Amounts (--amount pictures=100). A run that was cut off goes on with `python -m training resume`; --run ID then
prints its rates.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("PYTHONWARNINGS", "ignore")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from tests.bench.settings import values
from training import exam, runs
from training.exam import ALL, RATES
from training.eyes import demo, example
from training.persona import Persona

WHO = Persona("小明", "张三")


def table(run: str) -> str:
    """A line for each exam and language."""
    lines = []
    for report in exam.load(runs.folder(run)):
        for language, score in sorted(report.scores.items()):
            told = {**score.seeing, **{rate: score.rate(rate) for rate in RATES}}
            shown = ", ".join(f"{name} {rate:.3f}" for name, rate in told.items() if rate is not None)
            lines.append(f"step {report.step} {language if language != ALL else 'all'}: {shown}")
    return "\n".join([*lines, str(runs.look(run).seconds)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="FIELD=VALUE")
    parser.add_argument("--amount", dest="amounts", action="append", default=[], metavar="FIELD=NUMBER")
    parser.add_argument("--run", default="", help="tell the rates of a run that has ended")
    options = parser.parse_args()
    run = options.run
    if not run:
        amounts = example.Amounts(**values(options.amounts))
        say = lambda line: print(line, file=sys.stderr, flush=True)  # noqa: E731
        run = demo.demonstrate(WHO, say, amounts, options.seed, **values(options.settings))["run"]
    print(table(run))
