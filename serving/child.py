"""One worker process, from its start to its end, as its parent sees it. The protocol is drawn in worker.py."""

from __future__ import annotations

import itertools
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from serving.engine import Message, Sampling
from training.errors import UserError
from training.home import ROOT, home
from training.process import CALM
from training.runs.failure import last_meaningful_line

BEAT = 0.5
"""Seconds after which a waiting conversation comes up for air, so that its caller can leave."""
_SECRETS = ("TOKEN", "SECRET", "PASSWORD", "_AK", "_SK", "KEY")
_LOG_LIMIT = 1_000_000


class Child:
    """A started worker. `over` says why it has ended (or is about to); until then it is None."""

    def __init__(self, command: Sequence[str], model: str, grace: float) -> None:
        self.loaded = False
        self.settled = threading.Event()
        """Set as soon as the model is loaded or never will be."""
        self.over: UserError | None = None
        self._model, self._grace = model, grace
        self._numbers = itertools.count(1)
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._log = home() / "chat.log"
        self._bound_log()
        with self._log.open("a", encoding="utf-8") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env=environment(),
                start_new_session=True,
            )
        self._listener = threading.Thread(target=self._listen, name=f"chat-{self.pid}", daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def chat(self, messages: list[Message], sampling: Sampling, silence: float) -> Iterator[str]:
        """The answer's pieces, and an empty one every BEAT of silence. Closing the iterator stops the worker's work."""
        self._bound_log()
        number = next(self._numbers)
        self._say(say="chat", id=number, messages=messages, sampling=asdict(sampling))
        answering, heard = True, time.monotonic()
        try:
            while True:
                try:
                    event = self._events.get(timeout=BEAT)
                except queue.Empty:
                    if time.monotonic() - heard > silence:
                        self.end(UserError("chat_process_silent", model=self._model, seconds=round(silence)))
                    yield ""
                    continue
                if event is None:
                    assert self.over
                    raise self.over
                if event["id"] != number:  # the rest of an answer that was stopped
                    continue
                heard = time.monotonic()
                answering = event["say"] == "piece"
                if event["say"] == "error":
                    raise UserError(event["code"], **event["details"])
                if not answering:
                    return
                yield event["text"]
        finally:
            if answering:
                self._say(say="stop", id=number)

    def end(self, why: UserError) -> None:
        """End the process and wait until it is gone. May be called twice, and by several threads."""
        self.over = self.over or why
        self._kill()
        self._listener.join()

    def _say(self, **words: Any) -> None:
        # A worker that is gone says so itself: its end of the other pipe closes, and the listener hears that.
        with suppress(OSError, ValueError):
            assert self._process.stdin
            self._process.stdin.write(json.dumps(words).encode() + b"\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        """Sort what the worker says, until it says no more; then leave no zombie."""
        assert self._process.stdout and self._process.stdin
        with self._process.stdout, suppress(ValueError, LookupError):  # a strange line: not our worker any more
            for line in self._process.stdout:
                event = json.loads(line)
                if event["say"] == "ready":
                    self.loaded = True
                    self.settled.set()
                elif event["id"] is None:
                    self.over = self.over or UserError(event["code"], **event["details"])
                else:
                    self._events.put(event)
        with suppress(subprocess.TimeoutExpired):  # it is ending: let it, for the exit code's sake
            self._process.wait(self._grace)
        self._kill()
        with suppress(OSError):
            self._process.stdin.close()
        self.over = self.over or self._death()
        self.settled.set()
        self._events.put(None)

    def _kill(self) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                with suppress(ProcessLookupError):
                    os.killpg(self.pid, number)
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(self._grace)

    def _death(self) -> UserError:
        code = self._process.returncode
        if not self.loaded and code == -signal.SIGKILL:  # that is how Linux ends whom it has no memory for
            return UserError("out_of_memory", model=self._model)
        reason = signal.Signals(-code).name if code < 0 else self._last_words() or f"exit code {code}"
        if not self.loaded:
            return UserError("model_failed_to_load", model=self._model, reason=reason)
        return UserError("chat_process_died", model=self._model, reason=reason, log=self._log)

    def _bound_log(self) -> None:
        """Begin the log anew once it is long. Every worker appends to it, so those that live write on from there."""
        with suppress(FileNotFoundError):
            if self._log.stat().st_size > _LOG_LIMIT:
                os.truncate(self._log, 0)

    def _last_words(self) -> str:
        with self._log.open("rb") as log:
            begun_anew = self._log.stat().st_size < self._log_start
            log.seek(0 if begun_anew else self._log_start)
            return last_meaningful_line(log.read()[-20_000:].decode("utf-8", "replace"))


def environment() -> dict[str, str]:
    """What a worker may know of ours: no secrets, where our packages are, and that the network is not its business."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().endswith(_SECRETS)}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return (
        CALM
        | kept
        | {
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONUTF8": "1",
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
    )
