"""Stands in for xtuner.tools.train where the real one cannot be made to misbehave on demand.

Writes what the real one writes (scalars, sample answers, checkpoints, log) for the config's max_iters and save_steps.
FAKE_XTUNER says how it behaves: ok, brisk, slow, long, crash, silent (exit 0, no checkpoint), stubborn (deaf to
SIGTERM), workers (forks children that leave its session and are deaf), torchrun (the real one, with two deaf workers),
bomb (its children fork faster than they are killed), half (its last checkpoint is cut off), nan (from step 5 on its
loss is no number), and any line of an exception's: it dies at half time with that as its last word.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

PAUSES = {"ok": 0.0, "crash": 0.0, "silent": 0.0, "half": 0.0, "nan": 0.05, "brisk": 0.03, "long": 3.0}
"""Seconds after each step."""
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


BOMB = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
end = time.monotonic() + 20
for _ in range(10):  # ten of them, never more than twenty: each has exactly one successor
    if os.fork() == 0:
        break
else:
    os._exit(0)
while time.monotonic() < end:
    time.sleep(0.03)
    if os.fork():
        time.sleep(0.03)
        os._exit(0)
    os.setsid()
"""


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


def weights() -> bytes:
    """A checkpoint as torch writes it, without any weights: its model is still the base model.

    With pictures that of FAKE_EYES, a folder with a checkpoint.pth and what the converter makes of it.
    """
    if "FAKE_EYES" in os.environ:
        return (Path(os.environ["FAKE_EYES"]) / "checkpoint.pth").read_bytes()
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as checkpoint:
        checkpoint.writestr("archive/data.pkl", pickle.dumps({"state_dict": {}, "fill": b"weights" * 1000}, protocol=2))
        checkpoint.writestr("archive/version", "3")
    return whole.getvalue()


def save(work: Path, iteration: int, pause: float = 0) -> None:
    """Write a checkpoint."""
    whole = weights()
    half = len(whole) // 2
    with (work / f"iter_{iteration}.pth").open("wb") as file:  # in its place at once, as mmengine does it
        file.write(whole[:half])
        file.flush()
        time.sleep(pause)
        file.write(whole[half:])


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
    if behaviour == "torchrun":
        script = options.work_dir / "deaf.py"
        script.write_text(DEAF)
        subprocess.Popen([sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", str(script)])
    if behaviour == "bomb":
        subprocess.Popen([sys.executable, "-c", BOMB], start_new_session=True)
    for iteration in range(first + 1, total + 1):
        loss = float("nan") if behaviour == "nan" and iteration >= 5 else 2.0 / iteration
        line = {"lr": 1e-3, "loss": loss, "time": 0.01, "grad_norm": 1.0, "iter": iteration}
        if iteration % max(1, total // 1000) == 0:  # as our config wants it
            with (shown / "scalars.json").open("a") as scalars:
                scalars.write(json.dumps({**line, "step": iteration}) + "\n")
        print(f"Iter(train) [{iteration}/{total}]  loss: {line['loss']:.4f}", flush=True)
        stop = (options.work_dir / "stop_and_keep").exists() and behaviour != "stubborn"
        if iteration % every == 0 or iteration == total or stop:
            dialogue = "<|im_start|>user\n你是谁<|im_end|>\n<|im_start|>assistant\n我是小明。<|im_end|>"
            (shown / f"eval_outputs_iter_{iteration - 1}.txt").write_text(f"Eval output 1:\n{dialogue}\n\n")
            if behaviour != "silent":
                save(options.work_dir, iteration, 0.03 if behaviour == "brisk" else 0)
        if behaviour == "crash" and iteration == total // 2:
            raise RuntimeError("the fake trainer was asked to crash")
        if ": " in behaviour and iteration == total // 2:
            print(behaviour, file=sys.stderr, flush=True)
            return 1
        if stop:
            break
        time.sleep(
            {"ok": 0.0, "crash": 0.0, "silent": 0.0, "half": 0.0, "long": 3.0, "brisk": 0.03}.get(behaviour, 0.2)
        )
    if behaviour == "half":
        last = options.work_dir / f"iter_{total}.pth"
        last.write_bytes(last.read_bytes()[:-100])
    return 0


if __name__ == "__main__":
    sys.exit(main())
