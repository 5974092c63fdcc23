"""The process that holds one model: `python -m serving.worker FOLDER`. One JSON object a line, both ways.

    parent                                                      worker
      |  <-- {"say": "ready"}                                     |   once, when the model is loaded
      |  --> {"say": "chat", "id": 1, "messages": [...],          |
      |       "sampling": {...}}                                  |
      |  <-- {"say": "piece", "id": 1, "text": "我"}              |   "" while it is busy
      |  --> {"say": "stop", "id": 1}                             |   at any time; nothing happens if it is over
      |  <-- {"say": "done", "id": 1}                             |   the last word on chat 1, or
      |  <-- {"say": "error", "id": 1, "code": ..,                |   this; with id null the model could not be
      |       "details": {..}}                                    |   loaded, and the worker ends

The worker ends when its stdin closes, whatever it is doing: so it never outlives its parent, however that died.
stdout belongs to the protocol alone; what libraries print goes to stderr, which is a log file.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NoReturn

from serving.engine import Engine, Sampling
from training.errors import UserError

_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


class Wire:
    """The line to the parent."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self.chats: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.stopped: set[int] = set()
        threading.Thread(target=self._listen, daemon=True).start()

    def say(self, what: str, number: int | None = None, **more: Any) -> None:
        """Tell the parent; without one there is nothing left to do."""
        try:
            self._out.write(json.dumps({"say": what, "id": number, **more}, default=str).encode() + b"\n")
            self._out.flush()
        except OSError:
            os._exit(0)

    def _listen(self) -> None:
        try:
            for line in sys.stdin.buffer:
                told = json.loads(line)
                if told["say"] == "stop":
                    self.stopped.add(told["id"])
                else:
                    self.chats.put(told)
        finally:
            os._exit(0)  # not sys.exit: the main thread may be deep in a matrix product


def load(folder: Path) -> Engine:
    """The engine for a folder. Raises UserError, or whatever a library raises for what it cannot read."""
    from training import models

    models.check(folder)  # before the slow import: a missing file is told at once
    if models.has_eyes(folder):
        from serving.llava_engine import LlavaEngine

        return LlavaEngine(folder)
    if os.environ.get("STUDIO_ENGINE") == "int8":
        from serving.int8_engine import Int8Engine

        try:
            return Int8Engine(folder)
        except ValueError as error:  # a kind of model that CTranslate2 does not know
            print(f"{error} (transformers answers instead)", file=sys.stderr)
    from serving.transformers_engine import TransformersEngine

    return TransformersEngine(folder)


def main(load: Callable[[Path], Engine] = load) -> NoReturn:
    """Load the folder, then answer until the parent is gone."""
    wire = Wire()
    folder = Path(sys.argv[1])
    try:
        engine = load(folder)
    except Exception as error:
        _tell(wire, None, error, "model_failed_to_load", folder)
        os._exit(1)  # a normal end would wait for the listening thread
    wire.say("ready")
    while True:
        _answer(wire, engine, wire.chats.get(), folder)


def _answer(wire: Wire, engine: Engine, chat: dict[str, Any], folder: Path) -> None:
    number = chat["id"]
    try:
        for piece in engine.stream(chat["messages"], Sampling(**chat["sampling"])):
            if number in wire.stopped:
                break
            wire.say("piece", number, text=piece)
    except Exception as error:
        _tell(wire, number, error, "chat_failed", folder)
    else:
        wire.say("done", number)


def _tell(wire: Wire, number: int | None, error: Exception, otherwise: str, folder: Path) -> None:
    """Report `error` to the parent in words the user can act on; a surprising one stands whole in the log."""
    if not isinstance(error, UserError):
        traceback.print_exc()
        words = str(error).strip().splitlines()
        if isinstance(error, MemoryError) or any(sign in str(error).lower() for sign in _NO_MEMORY):
            error = UserError("out_of_memory", model=folder.name)
        else:
            reason = f"{type(error).__name__}: {words[0]}" if words else type(error).__name__
            error = UserError(otherwise, model=folder.name, reason=reason[:300])
    wire.say("error", number, code=error.code, details=error.details)


if __name__ == "__main__":
    main()
