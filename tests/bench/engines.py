"""What answers faster on this CPU: python tests/bench/engines.py FOLDER [--tokens 64]

Both engines answer the same questions, by turns, each in a worker of its own; prints tokens a second, the seconds until
the first word, the worker's memory, and in how many questions both say the same.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import psutil

from serving.engine import Sampling
from serving.process import ModelProcess

QUESTIONS = (
    "Who are you?",
    "Tell me about the moon.",
    "How do I boil an egg?",
    "你是谁？",
    "介绍一下北京",
    "谁写了西游记？",
)
ENGINES = ("transformers", "int8")


def asked(process: ModelProcess, question: str, tokens: int) -> tuple[str, float, float]:
    """The answer, the seconds until its first piece, and pieces a second after that."""
    began, first, count, text = time.monotonic(), 0.0, 0, ""
    for piece in process.stream([{"role": "user", "content": question}], Sampling(max_tokens=tokens)):
        if piece:
            first = first or time.monotonic() - began
            count, text = count + 1, text + piece
    return text, first, (count - 1) / max(1e-9, time.monotonic() - began - first)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--tokens", type=int, default=64)
    chosen = options.parse_args()
    workers = {}
    for engine in ENGINES:
        os.environ["STUDIO_ENGINE"] = engine
        workers[engine] = ModelProcess(chosen.folder)
        workers[engine].ready()
    told = {
        engine: [asked(worker, question, chosen.tokens) for question in QUESTIONS] for engine, worker in workers.items()
    }
    print("| engine | pieces a second | first word, s | memory, MB |")
    print("|---|---|---|---|")
    for engine, worker in workers.items():
        memory = psutil.Process(worker.pid).memory_info().rss / 1e6 if worker.pid else 0
        first, speed = (statistics.median(row[place] for row in told[engine]) for place in (1, 2))
        print(f"| {engine} | {speed:.1f} | {first:.2f} | {memory:.0f} |")
        worker.close()
    same = sum(one[0] == other[0] for one, other in zip(*told.values(), strict=True))
    print(f"{same} of {len(QUESTIONS)} answers are the same.")


if __name__ == "__main__":
    main()
