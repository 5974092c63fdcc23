"""Whether the merged model answers as its checkpoint did: python -m training.exam.parity RUN_FOLDER

The checkpoint's answers stand in its exam report; the merged model is asked the same questions, in the same batches,
greedily. The result is runs/<id>/exam/parity.json. A process of its own when it runs; reading the result is light.
"""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training import exam
from training.files import read_json, write_json
from training.merge import origin

_FILE = "parity.json"


@dataclass(frozen=True)
class Difference:
    """One question that the two answer differently."""

    question: str
    adapter: str
    merged: str


@dataclass(frozen=True)
class Parity:
    """The comparison of one merged model with its checkpoint."""

    step: int
    """Of the checkpoint."""
    asked: int
    equal: int
    precision: str
    """What the merged weights are stored in."""
    seconds: float
    differences: tuple[Difference, ...] = ()

    @property
    def exact(self) -> bool:
        return self.equal == self.asked


def load(run_folder: Path) -> Parity | None:
    """The comparison of the model that the run has now; None when there was none."""
    try:
        values = read_json(exam.folder(run_folder) / _FILE)
        found = Parity(**{**values, "differences": tuple(Difference(**each) for each in values["differences"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return found if origin(run_folder / "merged").get("step") == found.step else None


def forget(run_folder: Path) -> None:
    """Remove the comparison: the run gets another model."""
    (exam.folder(run_folder) / _FILE).unlink(missing_ok=True)


def can_compare(run_folder: Path) -> bool:
    """Whether the checkpoint of the merged model has sat the exam. (With eyes it is asked other things.)"""
    made = origin(run_folder / "merged")
    if made.get("eyes"):
        return False
    step = made.get("step")
    return any(report.step == step for report in exam.load(run_folder))


def command(run_folder: Path) -> list[str]:
    """The command line that compares a run's merged model with its checkpoint."""
    return [sys.executable, "-m", "training.exam.parity", str(run_folder)]


def compare(run_folder: Path) -> Parity:
    """Ask the merged model what its checkpoint was asked, and write down where they differ."""
    from training.exam import greedy  # it imports torch
    from training.exam.examiner import TOKENS

    began, merged = time.monotonic(), run_folder / "merged"
    step = origin(merged)["step"]
    report = next(report for report in exam.load(run_folder) if report.step == step)
    model, tokenizer = greedy.load(merged)
    told = greedy.answer(model, tokenizer, [answer.question for answer in report.answers], TOKENS)
    pairs = [(answer, greedy.text(tokenizer, each)) for answer, each in zip(report.answers, told)]
    differences = tuple(
        Difference(answer.question, answer.answer, said) for answer, said in pairs if answer.answer != said
    )
    seconds = round(time.monotonic() - began, 1)
    equal = len(pairs) - len(differences)
    found = Parity(step, len(pairs), equal, _precision(merged), seconds, differences)
    write_json(exam.folder(run_folder) / _FILE, asdict(found))
    return found


def _precision(folder: Path) -> str:
    config: dict[str, Any] = read_json(folder / "config.json")
    return config.get("dtype") or config.get("torch_dtype") or "float32"


if __name__ == "__main__":
    result = compare(Path(sys.argv[1]).absolute())
    print(f"{result.equal} of {result.asked} answers of the merged model are its checkpoint's, in {result.seconds} s.")
