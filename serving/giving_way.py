"""Chat models leave the memory when a run's turn comes, whether or not anybody has the page open.

A waiting run takes its turn in a process of its own, which cannot reach the chat's. So the page's process looks at the
queue. Its look is far shorter than what the trainer needs to import torch, before it takes any memory.
"""

from __future__ import annotations

import threading

from serving.stage import Stage
from training import runs
from training.errors import UserError

SECONDS_BETWEEN_LOOKS = 1.0


def watch(stage: Stage, ended: threading.Event) -> threading.Thread:
    """Look at the queue in the background until `ended` is set."""

    def look() -> None:
        waiting: frozenset[str] = frozenset()
        while not ended.wait(SECONDS_BETWEEN_LOOKS):
            try:
                waiting = give_way(stage, waiting)
            except (UserError, OSError):
                continue  # a run that is deleted meanwhile, a disk that is gone: the page tells; the next look may do

    thread = threading.Thread(target=look, name="giving way", daemon=True)
    thread.start()
    return thread


def give_way(stage: Stage, waited: frozenset[str]) -> frozenset[str]:
    """Release the chat's models for those of the runs that `waited` and now go; returns the ones that wait now.

    Without a model on stage nothing is looked at.
    """
    if not stage.folders:
        return frozenset()
    waiting = frozenset(runs.queued())
    for run in sorted(waited - waiting):
        if run in runs.names() and runs.look(run).live:
            stage.release_for(run)
    return waiting
