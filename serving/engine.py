"""What talking to a model means, whichever engine does it.

Imports nothing heavy: the page, the worker and every engine share these words.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypedDict

from training.errors import UserError


class _Words(TypedDict):
    role: str
    """Of ROLES."""
    content: str


class Message(_Words, total=False):
    """A turn of a conversation."""

    images: list[str]
    """The files of the pictures that came with it: only such as the one who asks has put there itself."""


ROLES = ("system", "user", "assistant")
RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0.01, 1),
    "max_tokens": (1, 32768),
    "repetition_penalty": (0.5, 2),
}
_BREAK = "\u200b"  # zero-width space: unseen by the reader, but no control token survives it


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen."""

    temperature: float = 0.0
    """0 takes the likeliest token every time."""
    top_p: float = 0.9
    """Only the likeliest tokens that together reach this probability take part."""
    max_tokens: int = 256
    """Where an answer is cut at the latest."""
    repetition_penalty: float = 1.0
    """Above 1, tokens that were used already become less likely."""
    seed: int | None = None
    """The same seed gives the same answer again; None draws a new one each time."""

    def problems(self) -> list[UserError]:
        """Every value that is out of its range."""
        return [
            UserError("sampling_out_of_range", name=name, value=getattr(self, name), low=low, high=high)
            for name, (low, high) in RANGES.items()
            if not low <= getattr(self, name) <= high or (name == "max_tokens" and getattr(self, name) % 1)
        ]


class Engine(Protocol):
    """Something that answers."""

    def stream(self, messages: list[Message], sampling: Sampling) -> Iterator[str]:
        """The answer, piece by piece; a piece may be empty while the model is busy. Closing the iterator stops it."""
        ...

    def close(self) -> None:
        """Give back the memory. May be called twice."""
        ...


def clean(messages: Sequence[Message], control_tokens: Iterable[str]) -> list[Message]:
    """The conversation as plain text only: a control token that somebody typed is shown, but no longer acts."""
    tokens = "|".join(re.escape(token) for token in control_tokens if len(token) > 1)
    typed = re.compile(f"(?={tokens})(.)", re.DOTALL) if tokens else None
    cleaned = []
    for message in messages:
        if message["role"] not in ROLES:
            raise UserError("role_unknown", role=message["role"], roles=", ".join(ROLES))
        # Lone surrogates (bytes of a terminal that were no UTF-8) would crash every tokenizer.
        content = message["content"].encode("utf-8", "replace").decode()
        shown: Message = {**message, "content": typed.sub(rf"\1{_BREAK}", content) if typed else content}
        cleaned.append(shown)
    return cleaned


def fit(messages: Sequence[Message], encode: Callable[[list[Message]], list[int]], room: int) -> list[Message]:
    """The conversation, without its oldest turns where `room` tokens are too few for all of it.

    The system message and the last question always stay. Raises UserError (message_empty, message_too_long).
    """
    system = [message for message in messages[:1] if message["role"] == "system"]
    turns = list(messages[len(system) :])
    questions = [index for index, message in enumerate(turns) if message["role"] == "user"]
    if not questions or not turns[questions[-1]]["content"].strip():
        raise UserError("message_empty")
    starts = sorted({0, *questions})
    first = bisect_left(starts, True, key=lambda start: len(encode(system + turns[start:])) <= room)
    if first == len(starts):
        raise UserError("message_too_long", tokens=len(encode(system + turns[starts[-1] :])), room=room)
    return system + turns[starts[first] :]
