"""What a run has shown so far, read from its folder: the curve and the sample answers. Reads, never writes.

Asked again and again by every viewer, so a file is read once: what was added is all that a second look takes.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from training.eyes.run_data import FIRST
from training.models.chat_template import FORMS, Form
from training.runs.growing import Growing


@dataclass(frozen=True, slots=True)
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


def first_points(folder: Path) -> list[Point]:
    """The curve of a run's first stage; empty where it has none."""
    return points(folder / FIRST)


def points(folder: Path, accumulation: int = 1) -> list[Point]:
    """The curve of a run or stage folder, step by step. After a resume the newer value of a step counts."""
    found: dict[int, Point] = {}
    for file in sorted(folder.glob("work/*/vis_data/scalars.json")):
        found.update(_curve(file, accumulation).points())
    return [found[step] for step in sorted(found)]


@lru_cache(maxsize=16)
def _curve(file: Path, accumulation: int) -> _Curve:
    return _Curve(file, accumulation)


class _Curve:
    """The points of one scalars.json so far; shared by all viewers."""

    def __init__(self, file: Path, accumulation: int) -> None:
        self._file, self._accumulation = Growing(file), accumulation
        self._points: dict[int, Point] = {}
        self._lock = threading.Lock()

    def points(self) -> dict[int, Point]:
        with self._lock:
            for first, piece in self._file.added():
                if first:
                    self._points.clear()
                for line in piece.splitlines():
                    try:
                        point = _point(json.loads(line), self._accumulation)
                    except (ValueError, KeyError, TypeError):
                        continue  # validation lines have no loss, and a full disk cuts lines short
                    self._points[point.step] = point
            return dict(self._points)


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
        said = _said(file, file.stat().st_mtime_ns)
        found += [Sample(-(-iteration // accumulation), *dialogue) for dialogue in said]
    return sorted(set(found), key=lambda sample: (sample.step, sample.question))


@lru_cache(maxsize=4096)
def _said(file: Path, _changed: int) -> list[tuple[str, str]]:
    return _dialogues(file.read_text(encoding="utf-8", errors="replace"))


_HEAD = 400_000
"""Bytes of a log in which the answers before the training stand."""


def _before_training(folder: Path) -> list[tuple[str, str]]:
    found = (_said_first(file, min(_HEAD, file.stat().st_size)) for file in sorted(folder.glob("work/*/*.log")))
    return next(filter(None, found), [])


@lru_cache(maxsize=64)
def _said_first(file: Path, size: int) -> list[tuple[str, str]]:
    with file.open("rb") as stream:
        head = "\n".join(stream.read(size).decode("utf-8", errors="replace").splitlines())
    start, end = head.find("before_train in EvaluateChatHook"), head.find("Checkpoints will be saved")
    return _dialogues(head[start : end if end > start else None]) if start >= 0 else []


_AFTER = r"<\|endoftext\|>|<\|end_of_text\|>|\n\d{4}/\d\d/\d\d |\n\nEval output |\n*\Z"
"""What stands after an answer that was cut."""


@cache
def _dialogue(form: Form) -> re.Pattern[str]:
    before, after = map(re.escape, form.asked.split("?"))
    return re.compile(rf"{before}(?P<question>.*?){after}(?P<answer>.*?)(?={re.escape(form.end)}|{_AFTER})", re.DOTALL)


def _dialogues(text: str) -> list[tuple[str, str]]:
    found = [match for form in FORMS for match in _dialogue(form).finditer(text)]
    return [(match["question"].strip().removeprefix("<image>").strip(), match["answer"].strip()) for match in found]


def curve_mark(folder: Path) -> str:
    """Changes whenever the curve or the sample answers do; costs a few stat calls."""
    return _mark(sorted([*folder.glob("work/*/vis_data/*"), *folder.glob(f"{FIRST}/work/*/vis_data/*")]))


def status_mark(folder: Path) -> str:
    """Changes whenever the status was written."""
    return _mark([folder / "status.json"])


def exam_mark(folder: Path) -> str:
    """Changes whenever a checkpoint has sat its exam, or one has been chosen."""
    return _mark([*folder.glob("exam/step_*.json"), folder / "exam" / "recommendation.json"])


def log_mark(folder: Path) -> str:
    """Changes whenever the log grows."""
    return _mark([folder / "run.log"])


def _mark(files: list[Path]) -> str:
    stats = (file.stat() for file in files if file.exists())
    return ",".join(f"{stat.st_mtime_ns}:{stat.st_size}" for stat in stats)
