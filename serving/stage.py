"""Who is on stage: at most one loaded model, because memory is what these machines have least of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from serving.process import ModelProcess


class Stage:
    """Shared by all visitors of the page; thread-safe."""

    def __init__(self, start: Callable[[Path], ModelProcess] = ModelProcess) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._actor: ModelProcess | None = None

    @property
    def folder(self) -> Path | None:
        """The folder of the model that is loaded, or None."""
        actor = self._actor
        return actor.folder if actor else None

    def use(self, folder: Path) -> ModelProcess:
        """The process for `folder`. Another model leaves first: its memory is free before the new one loads."""
        folder = Path(folder).absolute()
        with self._lock:
            if self._actor and self._actor.folder == folder:
                return self._actor
            self._leave()
            self._actor = self._start(folder)
            return self._actor

    def release(self) -> None:
        """Free the memory, for a training run for example. Whoever is being answered is told model_released."""
        with self._lock:
            self._leave()

    def _leave(self) -> None:
        actor, self._actor = self._actor, None
        if actor:
            actor.close()
