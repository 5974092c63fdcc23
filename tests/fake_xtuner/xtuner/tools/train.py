"""Stands in for xtuner.tools.train where the real one cannot be made to misbehave on demand.

Writes what the real one writes (scalars, sample answers, checkpoints, log) for the config's max_iters and save_steps.
FAKE_XTUNER says how it behaves: ok, slow, long, crash, silent (exit 0, no checkpoint), stubborn (deaf to SIGTERM),
workers (forks children that leave its session and are deaf), half (its last checkpoint is cut off), nan (from step 5
on its loss is no number), and any line of an exception's: it dies at half time with that as its last word.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def settings(config: Path) -> dict[str, object]:
    """The plain assignments of the config."""
    values = {}
    for node in ast.parse(config.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            try:
                values[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue
    return values


def save(work: Path, iteration: int) -> None:
    """A checkpoint as torch writes it, without any weights: its model is still the base model."""
    with zipfile.ZipFile(work / f"iter_{iteration}.pth", "w") as checkpoint:
        checkpoint.writestr("archive/data.pkl", pickle.dumps({"state_dict": {}, "fill": b"weights" * 1000}, protocol=2))
        checkpoint.writestr("archive/version", "3")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("--work-dir", type=Path)
    parser.add_argument("--resume", type=Path)
    options = parser.parse_args()
    wanted, behaviour = settings(options.config), os.environ.get("FAKE_XTUNER", "ok")
    total, every = int(str(wanted["max_iters"])), int(str(wanted["save_steps"]))
    first = int(options.resume.stem.removeprefix("iter_")) if options.resume else 0
    shown = options.work_dir / time.strftime("%Y%m%d_%H%M%S") / "vis_data"
    shown.mkdir(parents=True, exist_ok=True)
    if behaviour == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if behaviour == "workers":
        for _ in range(3):
            subprocess.Popen([sys.executable, "-c", DEAF], start_new_session=True)
    for iteration in range(first + 1, total + 1):
        loss = float("nan") if behaviour == "nan" and iteration >= 5 else 2.0 / iteration
        line = {"lr": 1e-3, "loss": loss, "time": 0.01, "grad_norm": 1.0, "iter": iteration}
        with (shown / "scalars.json").open("a") as scalars:
            scalars.write(json.dumps({**line, "step": iteration}) + "\n")
        print(f"Iter(train) [{iteration}/{total}]  loss: {line['loss']:.4f}", flush=True)
        stop = (options.work_dir / "stop_and_keep").exists() and behaviour != "stubborn"
        if iteration % every == 0 or iteration == total or stop:
            dialogue = "<|im_start|>user\n你是谁<|im_end|>\n<|im_start|>assistant\n我是小明。<|im_end|>"
            (shown / f"eval_outputs_iter_{iteration - 1}.txt").write_text(f"Eval output 1:\n{dialogue}\n\n")
            if behaviour != "silent":
                save(options.work_dir, iteration)
        if behaviour == "crash" and iteration == total // 2:
            raise RuntimeError("the fake trainer was asked to crash")
        if ": " in behaviour and iteration == total // 2:
            print(behaviour, file=sys.stderr, flush=True)
            return 1
        if stop:
            break
        time.sleep({"ok": 0.0, "crash": 0.0, "silent": 0.0, "half": 0.0, "long": 3.0}.get(behaviour, 0.2))
    if behaviour == "half":
        last = options.work_dir / f"iter_{total}.pth"
        last.write_bytes(last.read_bytes()[:-100])
    return 0


if __name__ == "__main__":
    sys.exit(main())
