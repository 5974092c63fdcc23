"""What a model folder answers, in a process of its own: python -m training.exam.answers FOLDER TOKENS < questions.json

Greedy, with the tokenizer's own chat template and no system prompt: as in training, so that answers can be compared.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from training.errors import UserError
from training.home import ROOT
from training.runs.failure import last_meaningful_line


def ask(folder: Path, questions: Sequence[str], tokens: int = 64) -> list[str]:
    """The answers of the model in `folder`, each of at most `tokens` tokens. Raises UserError(model_failed)."""
    command = [sys.executable, "-m", "training.exam.answers", str(folder), str(tokens)]
    done = subprocess.run(command, cwd=ROOT, input=json.dumps(list(questions)), capture_output=True, text=True)
    if done.returncode:
        raise UserError("model_failed", path=folder, reason=last_meaningful_line(done.stderr))
    return json.loads(done.stdout.splitlines()[-1])


def _answer_all(folder: str, questions: list[str], tokens: int) -> list[str]:
    from training.exam import greedy  # it imports torch

    model, tokenizer = greedy.load(Path(folder))
    return [greedy.text(tokenizer, each) for each in greedy.answer(model, tokenizer, questions, tokens)]


if __name__ == "__main__":
    print(json.dumps(_answer_all(sys.argv[1], json.load(sys.stdin), int(sys.argv[2]))))
