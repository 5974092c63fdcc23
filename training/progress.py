"""What a run has shown so far, read from its folder: loss curve, sample answers, log. Reads, never writes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Point:
    """One logged step of training."""

    step: int
    loss: float
    learning_rate: float
    seconds: float
    """How long the step took."""
    grad_norm: float | None = None


@dataclass(frozen=True)
class Sample:
    """What the model answered to a sample question after `step` steps (0: before training)."""

    step: int
    question: str
    answer: str


def points(folder: Path, accumulation: int = 1) -> list[Point]:
    """The curve of a run folder, step by step. After a resume the newer value of a step counts."""
    found: dict[int, Point] = {}
    for file in sorted(folder.glob("work/*/vis_data/scalars.json")):
        for line in _lines(file):
            try:
                point = _point(json.loads(line), accumulation)
            except (ValueError, KeyError, TypeError):
                continue  # the last line is half written while the trainer is at it; validation lines have no loss
            found[point.step] = point
    return [found[step] for step in sorted(found)]


def _point(values: dict[str, Any], accumulation: int) -> Point:
    return Point(
        step=-(-int(values["step"]) // accumulation),
        loss=float(values["loss"]),
        learning_rate=float(values["lr"]),
        seconds=float(values["time"]),
        grad_norm=float(values["grad_norm"]) if "grad_norm" in values else None,
    )


def samples(folder: Path, accumulation: int = 1) -> list[Sample]:
    """The sample answers XTuner's EvaluateChatHook wrote, in order of steps; those of step 0 come from the log."""
    found = [Sample(0, question, answer) for question, answer in _before_training(folder)]
    for file in folder.glob("work/*/vis_data/eval_outputs_iter_*.txt"):
        # XTuner counts from 0 here: eval_outputs_iter_19.txt belongs to iter_20.pth.
        iteration = int(file.stem.rpartition("_")[2]) + 1
        text = file.read_text(encoding="utf-8", errors="replace")
        found += [Sample(-(-iteration // accumulation), *dialogue) for dialogue in _dialogues(text)]
    return sorted(set(found), key=lambda sample: (sample.step, sample.question))


def _before_training(folder: Path) -> list[tuple[str, str]]:
    for file in sorted(folder.glob("work/*/*.log")):
        head = "".join(line + "\n" for line in _lines(file, 400_000))
        start, end = head.find("before_train in EvaluateChatHook"), head.find("Checkpoints will be saved")
        if start >= 0:
            return _dialogues(head[start : end if end > start else None])
    return []


_DIALOGUE = re.compile(
    r"<\|im_start\|>user\n(?P<question>.*?)<\|im_end\|>\n<\|im_start\|>assistant\n"
    r"(?P<answer>.*?)(?=<\|im_end\|>|<\|endoftext\|>|\n\d{4}/\d\d/\d\d |\n\nEval output |\n*\Z)",
    re.DOTALL,
)


def _dialogues(text: str) -> list[tuple[str, str]]:
    return [(match["question"].strip(), match["answer"].strip()) for match in _DIALOGUE.finditer(text)]


def log_tail(folder: Path, characters: int = 20_000) -> str:
    """The end of run.log as a terminal would show it: a progress bar's many states are one line."""
    try:
        with (folder / "run.log").open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 4 * characters))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))[-characters:]


def fingerprint(folder: Path) -> str:
    """Changes whenever there is something new to show; costs a few stat calls."""
    files = [folder / "status.json", folder / "run.log", *folder.glob("work/*/vis_data/*")]
    stats = (file.stat() for file in files if file.exists())
    return ",".join(f"{stat.st_mtime_ns}:{stat.st_size}" for stat in stats)


def _lines(file: Path, limit: int = 50_000_000) -> list[str]:
    with file.open("rb") as stream:
        return stream.read(limit).decode("utf-8", errors="replace").splitlines()
