"""A model in a process of its own: the engine the page and the terminal use. Never imports torch."""

from __future__ import annotations

import atexit
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from serving.child import BEAT, Child
from serving.engine import Message, Sampling
from training.errors import UserError


class ModelProcess:
    """Starts loading `folder` at once, in a worker that lives until `close` or the end of this process.

    A worker that dies is told to whoever is talking to it; the next question starts a new one.
    """

    def __init__(
        self,
        folder: Path,
        command: Sequence[str] | None = None,
        load_within: float = 600.0,
        silence: float = 300.0,
        grace: float = 3.0,
    ) -> None:
        """`load_within` and `silence`: the seconds without a model, or without a piece, after which it is given up.

        `command` is what to run instead of the worker; `grace` the seconds between asking it to end and killing it.
        """
        self.folder = Path(folder).absolute()
        self._command = command or [sys.executable, "-m", "serving.worker", str(self.folder)]
        self._load_within, self._silence, self._grace = load_within, silence, grace
        self._line: deque[object] = deque()
        """The conversations in the order they came; the first one is being answered."""
        self._moved = threading.Condition()
        self._door = threading.Lock()
        self._closed = False
        self._child: Child | None = self._start()
        atexit.register(self.close)

    @property
    def pid(self) -> int | None:
        """The worker's, while there is one."""
        child = self._child
        return child.pid if child and not child.over else None

    def ready(self) -> None:
        """Wait until the model is loaded.

        Raises UserError (model_incomplete, model_failed_to_load, model_without_chat_template, model_load_too_slow,
        out_of_memory, model_released).
        """
        for _ in self._loading(self._living()):
            pass

    def stream(self, messages: list[Message], sampling: Sampling) -> Generator[str, None, None]:
        """The answer, piece by piece; conversations wait for each other.

        While it waits (for its turn, for the model, for a long question to be read) empty pieces come, so that the
        iterator can be closed at any time. Raises what `ready` raises, the worker's own UserErrors, and
        sampling_out_of_range, chat_failed, chat_process_died, chat_process_silent.
        """
        for problem in sampling.problems():
            raise problem
        mine = object()
        with self._moved:
            self._line.append(mine)
        try:
            while not self._is_turn_of(mine):
                yield ""
            child = self._living()
            yield from self._loading(child)
            yield from child.chat(messages, sampling, self._silence)
        finally:
            with self._moved:
                self._line.remove(mine)
                self._moved.notify_all()

    def close(self) -> None:
        """End the worker; when this returns its memory is free. May be called twice."""
        with self._door:
            self._closed = True
            child, self._child = self._child, None
        atexit.unregister(self.close)
        if child:
            child.end(self._released())

    def _start(self) -> Child:
        return Child(self._command, self.folder.name, self._grace)

    def _released(self) -> UserError:
        return UserError("model_released", model=self.folder.name)

    def _is_turn_of(self, conversation: object) -> bool:
        """Whether it is the first in the line, within a BEAT."""
        with self._moved:
            return self._moved.wait_for(lambda: self._line[0] is conversation, BEAT)

    def _living(self) -> Child:
        """The worker to talk to; a new one if the last one died after it had loaded, or its failure has been told."""
        with self._door:
            if self._closed:
                raise self._released()
            if self._child is None or (self._child.over and self._child.loaded):
                self._child = self._start()
            return self._child

    def _loading(self, child: Child) -> Iterator[str]:
        """Empty pieces until `child` is loaded."""
        deadline = time.monotonic() + self._load_within
        while not child.settled.wait(BEAT):
            if time.monotonic() > deadline:
                child.end(UserError("model_load_too_slow", model=self.folder.name, seconds=round(self._load_within)))
            yield ""
        if child.over and not child.loaded:
            with self._door:
                if self._child is child:
                    self._child = None
            raise UserError(child.over.code, **child.over.details)
