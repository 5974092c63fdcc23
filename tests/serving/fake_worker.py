"""The real worker around an engine without a model: what it does is the last question. argv: FOLDER [HOW IT LOADS]."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from serving import worker
from serving.engine import Message, Sampling
from training.errors import UserError


class Puppet:
    """An engine that acts out its last question."""

    answers_left = 0

    def stream(self, messages: list[Message], sampling: Sampling) -> Iterator[str]:
        question = messages[-1]["content"]
        if question == "count":
            yield from (str(number) for number in range(1, sampling.max_tokens + 1))
        elif question == "forever":
            try:
                while True:
                    yield "."
            finally:
                self.answers_left += 1
        elif question == "how many were left?":
            yield str(self.answers_left)
        elif question == "die":
            yield "I"
            print("the last words", file=sys.stderr)
            os._exit(3)
        elif question == "hang":
            threading.Event().wait()
        elif question == "print":
            print("a library prints")
            os.write(1, b"a C library prints\n")
            yield "clean"
        elif question == "what was shown?":
            yield json.dumps([[Path(each).name for each in message.get("images", [])] for message in messages])
        elif question == "environment":
            yield json.dumps(dict(os.environ))
        elif question == "too long":
            raise UserError("message_too_long", tokens=9, room=5)
        elif question == "break":
            raise ValueError("first line\nsecond line")
        else:
            yield question

    def close(self) -> None:
        pass


def load(folder: Path) -> Puppet:
    how = sys.argv[2] if len(sys.argv) > 2 else ""
    if how == "never":
        threading.Event().wait()
    elif how == "incomplete":
        raise UserError("model_without_chat_template", model=folder.name)
    elif how == "broken":
        raise OSError("header too large")
    elif how == "memory":
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
    elif how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return Puppet()


if __name__ == "__main__":
    worker.main(load)
