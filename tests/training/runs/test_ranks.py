from __future__ import annotations

import pytest

from training.recipe import Recipe
from training.runs.failure import explain

SUMMARY = """
E1125 03:33:36.625000 5336 /venv/torch/distributed/elastic/multiprocessing/api.py:984] failed (exitcode: {first})
Traceback (most recent call last):
  File "run.py", line 1, in <module>
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
xtuner.tools.train FAILED
------------------------------------------------------------
Failures:
[1]:
  time      : 2026-11-25_03:33:36
  host      : here
  rank      : 1 (local_rank: 1)
  exitcode  : {second} (pid: 12)
  error_file: <N/A>
  traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2026-11-25_03:33:36
  host      : here
  rank      : 0 (local_rank: 0)
  exitcode  : {first} (pid: 11)
  error_file: <N/A>
  traceback : To enable traceback see: https://pytorch.org/docs/stable/elastic/errors.html
============================================================
"""
LOST = "[rank0]: RuntimeError: [../gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1234"
FULL = "[rank1]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB."


def told(own: str, first: int, second: int) -> str:
    return f"\n$ python -m torch.distributed.run\n{own}{SUMMARY.format(first=first, second=second)}"


@pytest.mark.parametrize(
    ("own", "first", "second", "code"),
    [
        (f"{LOST}\n{FULL}\n", 1, 1, "cuda_out_of_memory"),  # who lost the other was only noticed first
        (f"{LOST}\n", 1, -9, "memory_killed"),
        (f"{LOST}\n", -9, 1, "memory_killed"),
        (f"{LOST}\n", 1, -15, "communication"),
        ("[rank0]: ValueError: no such thing\n", 1, -15, "trainer_crashed"),
    ],
)
def test_the_reason_is_that_of_the_process_that_failed_not_torchruns(
    own: str, first: int, second: int, code: str
) -> None:
    failure = explain(1, told(own, first, second), Recipe(), "run.log")
    assert failure.code == code
    assert "ChildFailedError" not in str(failure.details)


def test_the_line_that_is_told_is_the_processs_own() -> None:
    failure = explain(1, told("[rank0]: ValueError: no such thing\n", 1, -15), Recipe(), "run.log")
    assert failure.details["line"] == "ValueError: no such thing"
    before = explain(1, told("ImportError: cannot import name 'x'\n", 1, -15), Recipe(), "run.log")
    assert before.details["line"] == "ImportError: cannot import name 'x'"
