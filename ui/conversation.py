"""What a chat is about: which models there are, how an answer comes in, how messages are shown. Knows no components."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from serving.album import thumbnail
from serving.engine import Message, Sampling
from serving.process import ModelProcess
from training import models, runs
from training.errors import UserError
from training.sentences import sentence
from ui.background import followed

SECONDS_BETWEEN_PIECES = 0.05
"""A page is not redrawn more often than this, however fast the model is."""


@dataclass
class Turn:
    """Whose turn it is in one visitor's conversation. Shared by his handlers, so that one can end another's work.

    Gradio's own way to cancel is not used: sent with a new question, it also catches the new answer.
    """

    asked: int = 0
    """How many questions were asked; their numbers begin with 1."""
    closed: int = 0
    """The last question that needs no more work: it is answered, stopped or given up for the next one."""
    cleared: int = 0
    """The last question that was there when the conversation was cleared."""
    begun: int = 0
    """The last question that was begun to be answered."""
    model: str = ""
    """Who was asked last."""
    warned: bool = False
    """Whether the visitor knows that a training run slows the chat down."""
    recent: deque[float] = field(default_factory=deque)
    """When he asked, as far as limits remember."""

    @property
    def open(self) -> bool:
        """Whether an answer is awaited."""
        return self.closed < self.asked

    def ask(self) -> None:
        """A new question; the answer to the one before ends."""
        self.closed, self.asked = self.asked, self.asked + 1

    def begin(self) -> bool:
        """Whether the last question is to be answered now. Only once: a script can call for the answer at any time."""
        wanted = self.open and self.begun < self.asked
        self.begun = self.asked
        return wanted

    def close(self, question: int | None = None) -> None:
        """This question (by default the last one) needs no more work."""
        self.closed = max(self.closed, self.asked if question is None else question)

    def clear(self) -> None:
        """The conversation is gone, with every question so far."""
        self.close()
        self.cleared = self.asked


def choices(language: str) -> list[tuple[str, str]]:
    """Everything one can talk to, as (label, value): trained models first, newest on top."""
    return trained(language) + [(model_label(name, language), name) for name in models.names()]


def trained(language: str) -> list[tuple[str, str]]:
    """The runs that made a model, newest on top, as (label, value)."""
    return [(_run_label(run, language), run) for run in runs.names() if runs.merged(run)]


def model_label(name: str, language: str) -> str:
    """How a base model is called on the page."""
    return sentence("app.starter", language) if name == models.STARTER else name


def label(model: str, language: str) -> str:
    """How a choice is called on the page."""
    return _run_label(model, language) if model in runs.names() else model_label(model, language)


def _run_label(run: str, language: str) -> str:
    try:
        spec = runs.spec(run)
    except UserError:
        return run
    made = time.strftime("%m-%d %H:%M", time.localtime(spec.get("created", 0)))
    return sentence("chat.trained", language, name=spec.get("name") or run, made=made)


def folder_of(model: str) -> Path:
    """The folder of a choice. Raises UserError (model_missing, model_incomplete, run_without_model)."""
    if model not in runs.names():
        return models.folder(model)
    merged = runs.merged(model)
    if merged is None:
        raise UserError("run_without_model", run=model)
    return merged


def sees(model: str | None) -> bool:
    """Whether a choice has eyes; a model that is not there has none."""
    try:
        return models.has_eyes(folder_of(model or ""))
    except UserError:
        return False


def fetching(model: str, language: str) -> Iterator[str]:
    """Fetch the starter weights if they are what is chosen and missing; meanwhile, how far that is, as sentences."""
    if model != models.STARTER or models.starter.ready():
        return

    def fetch(tell: Callable[[str], None]) -> None:
        models.starter.ensure(
            lambda stage, share: tell(sentence(f"note.starter_{stage}", language, percent=round(100 * share)))
        )

    yield from followed(fetch)


def answered(process: ModelProcess, messages: Sequence[Message], sampling: Sampling) -> Generator[str, None, None]:
    """The answer so far, again and again until it is whole; "" while the model has not begun. Closing it stops it."""
    answer, told = "", 0.0
    with closing(process.stream(list(messages), sampling)) as pieces:
        for piece in pieces:
            answer += piece
            if time.monotonic() - told >= SECONDS_BETWEEN_PIECES:
                told = time.monotonic()
                yield answer
    yield answer


def shown(messages: Sequence[Message], language: str) -> list[dict[str, Any]]:
    """The messages as the chatbot shows them: pictures first, Markdown works, HTML is shown as text."""
    return [{"role": message["role"], "content": _content(message, language)} for message in messages]


def _content(message: Message, language: str) -> Any:
    text = _without_html(message["content"])
    pictures = [_picture(each, language) for each in map(thumbnail, message.get("images", ())) if each]
    return [*pictures, text] if pictures else text


def _picture(url: str, language: str) -> dict[str, Any]:
    """A picture as a part of the chatbot that needs no file: Gradio would serve one only from where it is open."""
    words = escape(sentence("picture.picture", language), quote=True)
    html = f'<img class="shown-picture" src="{url}" alt="{words}">'
    return {"type": "component", "component": "html", "value": html, "constructor_args": {}, "props": {}}


_BLOCK = re.compile(
    r"^(?P<indent> *)(?P<fence>`{3,})[^`|<\n]*"
    r"(?:\Z|\n(?:(?! *```)(?:(?P=indent)[^\n]*|(?!(?P=indent))[ \t]*)\n)*?"
    r"(?:(?P=indent)(?P=fence)[ \t]*$|(?! *```)(?P=indent)[^\n]*\Z|\Z))",
    re.MULTILINE,
)
"""Code between two fences, or to the end, all of it in the list that it begins in. Other fences are not for us."""
_SPAN = re.compile(r"(?<![\\`])(?P<ticks>`+)(?!`)[^\n|$]*?(?<!`)(?P=ticks)(?!`)")
"""Code in a line. A table or a formula may cut it where a | or $ is."""


def _without_html(text: str) -> str:
    # Inside code Markdown escapes by itself; there our escapes would be seen.
    if re.search("```|~~~", _BLOCK.sub("", text)):
        return _escaped(text)  # Markdown may take something else for code than we do
    return _kept(_BLOCK, text, lambda between: "".join(map(_in_paragraph, re.split(r"(\n[ \t]*\n)", between))))


def _in_paragraph(text: str) -> str:
    return _escaped(text) if "`" in _SPAN.sub("", text) else _kept(_SPAN, text, _escaped)


def _kept(code: re.Pattern[str], text: str, change: Callable[[str], str]) -> str:
    """The text, changed everywhere but in code."""
    done, end = "", 0
    for found in code.finditer(text):
        done += change(text[end : found.start()]) + found[0]
        end = found.end()
    return done + change(text[end:])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
