"""Who is on stage: the model that was asked last, and a second one while there is memory for both."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from serving.process import ModelProcess
from training import machine

MOST = 2
"""Models at once: enough for before and after."""
SPARE = 2 * 2**30
"""Bytes that stay free for everything else."""

_Weights = tuple[Path, int, int]
"""A folder, and what changes when another one takes its place."""


class Stage:
    """Shared by all visitors of the page; thread-safe."""

    def __init__(
        self,
        start: Callable[[Path], ModelProcess] = ModelProcess,
        room: Callable[[Path], bool] | None = None,
    ) -> None:
        """`room` says whether the model of a folder can come without another one leaving."""
        self._start, self._room = start, room or has_room
        self._lock = threading.Lock()
        self._actors: dict[_Weights, ModelProcess] = {}
        """By their weights; who was asked last stands last."""
        self.released_for: frozenset[str] = frozenset()
        """The runs that were given the memory of a model that was on stage."""

    @property
    def folders(self) -> list[Path]:
        """The folders of the models that are loaded, the one asked last at the end."""
        return [folder for folder, *_ in list(self._actors)]

    def use(self, folder: Path) -> ModelProcess:
        """The process for `folder`, with the weights that are in it now.

        Without room for it the others leave first: their memory is free before it loads.
        """
        weights = _weights(Path(folder).absolute())
        with self._lock:
            actor = self._actors.pop(weights, None)
            if actor is None:
                self._make_room(weights[0])
                actor = self._start(weights[0])
            self._actors[weights] = actor
            return actor

    def release(self) -> None:
        """Free the memory, for a training run for example. Whoever is being answered is told model_released."""
        with self._lock:
            self._leave(list(self._actors))

    def release_for(self, run: str) -> bool:
        """Free the memory for this run, and remember it; whether there was any model to leave."""
        with self._lock:
            there = bool(self._actors)
            self._leave(list(self._actors))
            if there:
                self.released_for |= {run}
        return there

    def _make_room(self, folder: Path) -> None:
        self._leave([weights for weights in self._actors if weights[0] == folder])  # a model that was replaced
        if self._actors and not self._room(folder):
            self._leave(list(self._actors))
        self._leave(list(self._actors)[: max(0, len(self._actors) - MOST + 1)])

    def _leave(self, leaving: list[_Weights]) -> None:
        for weights in leaving:
            self._actors.pop(weights).close()


def has_room(folder: Path) -> bool:
    """Whether the weights of `folder`, in fp32, fit beside what is in memory. A GPU is left to one model."""
    if machine.look().gpus:
        return False
    stored = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    return machine.free_memory() > 2 * stored + SPARE


def _weights(folder: Path) -> _Weights:
    # A merged model is replaced by renaming another folder into its place: the name stays, the folder is another one.
    config = folder / "config.json"
    stat = config.stat() if config.is_file() else None
    return (folder, stat.st_ino, stat.st_mtime_ns) if stat else (folder, 0, 0)
