"""Does a config of XTuner's kind load, does its dataset build, and what would it train? A process of its own finds out.

python -m training.config_check FOLDER reads FOLDER/config.py and writes FOLDER/result.json. A config is executed
Python, so this never happens inside the page.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from training import built_in_configs, xtuner
from training.errors import UserError
from training.files import read_json, write_json
from training.home import ROOT, home
from training.process import die_with_parent
from training.recipe import Recipe, checked
from training.runs.failure import last_meaningful_line

PATIENCE = 600.0
"""Seconds a check may take: a large dataset is tokenized in it."""
_SHOWN = 600
"""Tokens of the example."""


@dataclass(frozen=True)
class Facts:
    """What the config would train, measured."""

    method: str
    learning_rate: float
    lora_rank: int
    lora_alpha: int
    lora_dropout: float
    batch_size: int
    accumulation: int
    max_length: int
    pack: bool
    rows: int
    """Sequences, after packing."""
    iterations: int
    save_every: int
    """Iterations."""
    keep_checkpoints: int
    example: list[tuple[str, bool]]
    """The first sequence: pieces of text, and whether they are learned or only read."""
    epochs: float = 0.0
    """Passes over the rows, where the config counts these; then `iterations` are those of one process."""

    def recipe(self, plan: Recipe) -> Recipe:
        """The run's recipe: these settings; where and how to run (device, processes...) as in `plan`.

        Raises UserError (config_no_step, recipe problems).
        """
        if self.iterations < self.accumulation:
            raise UserError("config_no_step", iterations=self.iterations, accumulation=self.accumulation)
        other = ("rows", "iterations", "example", "epochs")
        own = {name: value for name, value in asdict(self).items() if name not in other}
        processes = plan.processes * plan.nodes if self.epochs else 1  # which share the rows of a pass
        steps = math.ceil(self.iterations / processes / self.accumulation)  # the last one may be of fewer batches
        saved = max(1, self.save_every // self.accumulation)
        own |= {"steps": steps, "save_every": min(saved, steps)}
        own |= {"lora_layers": "all", "lora_plus_ratio": 1.0, "auto_stop": False}
        return checked(replace(plan, **own))


def check(text: str) -> Facts:
    """Load the config and build its dataset in a child process, with neither network nor secrets.

    Raises UserError: config_broken, config_kind, config_does_not_load (with the exception), config_check_slow.
    """
    kind = built_in_configs.kind(text)
    if kind != built_in_configs.STARTABLE:
        raise UserError("config_kind")
    place = home() / "cache"
    place.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="config-", dir=place))
    try:
        (folder / "config.py").write_text(text, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "training.config_check", str(folder)],
            cwd=ROOT,
            env=xtuner.environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
        )
        if done.returncode:
            raise UserError("config_does_not_load", reason=last_meaningful_line(done.stdout))
        told = read_json(folder / "result.json")
        return Facts(**{**told, "example": [(piece, learned) for piece, learned in told["example"]]})
    except subprocess.TimeoutExpired as error:
        raise UserError("config_check_slow", seconds=round(PATIENCE)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(folder: Path) -> int:
    """Check FOLDER/config.py. What goes wrong stays an exception: its last line is the reason that is told."""
    die_with_parent()
    from mmengine.config import Config
    from xtuner.registry import BUILDER
    from xtuner.tools.train import register_function

    config = Config.fromfile(folder / "config.py")
    for name in ("model", "tokenizer", "train_dataloader", "optim_wrapper", "train_cfg"):
        if name not in config:
            raise KeyError(f"{name} is missing in the config")
    register_function(config._cfg_dict)
    rows = BUILDER.build(config.train_dataloader.dataset)
    write_json(folder / "result.json", asdict(_facts(config, rows, BUILDER.build(config.tokenizer))))
    return 0


def _facts(config: Any, rows: Any, tokenizer: Any) -> Facts:
    llm, lora = config.model.get("llm", {}), config.model.get("lora") or {}
    batch = int(config.train_dataloader.batch_size)
    passes = math.ceil(len(rows) / batch)
    counted = config.train_cfg.get("max_iters")
    epochs = 0.0 if counted else float(config.train_cfg.get("max_epochs", 1))
    iterations = counted or int(epochs * passes)
    saving = config.get("default_hooks", {}).get("checkpoint") or {}
    interval = int(saving.get("interval", -1))
    every = interval * (passes if saving.get("by_epoch", True) else 1) if interval > 0 else iterations
    data = config.train_dataloader.dataset
    return Facts(
        method="qlora" if llm.get("quantization_config") else "lora" if lora else "full",
        learning_rate=float(config.optim_wrapper.optimizer.get("lr", 0)),
        lora_rank=int(lora.get("r", 1)),
        lora_alpha=int(lora.get("lora_alpha", 1)),
        lora_dropout=float(lora.get("lora_dropout", 0)),
        batch_size=batch,
        accumulation=int(config.optim_wrapper.get("accumulative_counts", 1)),
        max_length=int(data.get("max_length", 2048)),
        pack=bool(data.get("pack_to_max_length", False)),
        rows=len(rows),
        iterations=int(iterations),
        save_every=every,
        keep_checkpoints=int(saving.get("max_keep_ckpts", -1)),
        example=_example(rows[0], tokenizer),
        epochs=epochs,
    )


def _example(row: Any, tokenizer: Any) -> list[tuple[str, bool]]:
    from xtuner.utils import IGNORE_INDEX

    pieces: list[tuple[list[int], bool]] = []
    labels = row.get("labels", row["input_ids"])
    for token, label in zip(row["input_ids"][:_SHOWN], labels[:_SHOWN], strict=True):
        learned = label != IGNORE_INDEX
        if not pieces or pieces[-1][1] != learned:
            pieces.append(([], learned))
        pieces[-1][0].append(token)
    return [(tokenizer.decode(tokens), learned) for tokens, learned in pieces]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
