"""Where exceptions become words: what the user can mend is said as a sentence, what is our fault goes to the log."""

from __future__ import annotations

import inspect
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from html import escape
from typing import Any

import gradio as gr
from gradio.helpers import log_message

from training.errors import UserError
from training.home import home
from training.sentences import sentence

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "show_progress_on": []}
"""For what a visitor does: never a public door (those are in endpoints.py), no spinner over the page, toasts work.

On no component: for each that any event has ever marked, Gradio 6.17's script searches the whole page, three times an
event."""
QUIET: dict[str, Any] = {**PRIVATE, "queue": False}
"""For what the page does by itself. Cheaper, but Gradio shows no toasts, neither errors nor news, without its queue."""


def told(handler: Callable[..., Any]) -> Callable[..., Any]:
    """`handler(language, ...)`, which says its errors as toasts in that language and then changes nothing.

    Works for generators too. The error is not raised any further: Gradio 6.17 marks every output of a failed event,
    and its mark for a gr.HTML breaks the script of the whole page.
    """
    if inspect.isgeneratorfunction(handler):

        @wraps(handler)
        def streamed(language: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
            try:
                yield from handler(language, *args, **kwargs)
            except Exception as error:
                toast(_sentence(error, language))
                yield gr.skip()

        return streamed

    @wraps(handler)
    def called(language: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return handler(language, *args, **kwargs)
        except Exception as error:
            toast(_sentence(error, language))
            return gr.skip()

    return called


@contextmanager
def spoken(language: str) -> Iterator[None]:
    """Turn whatever is raised inside into one sentence, raised as a gr.Error: for the doors, whose callers need it."""
    try:
        yield
    except Exception as error:
        raise gr.Error(_sentence(error, language), print_exception=False) from None


def _sentence(error: Exception, language: str) -> str:
    if isinstance(error, UserError):
        return error.sentence(language)
    return sentence("app.defect", language, path=logged())


def toast(text: str) -> None:
    """A toast that something did not work. (style.css hides Gradio's title above it, in the browser's language.)"""
    log_message(escape(text), title="", level="error")  # type: ignore[arg-type]  # the page knows this level


def info(text: str) -> None:
    """A toast that something went well."""
    gr.Info(escape(text), duration=5)


def warning(text: str) -> None:
    """A toast that something is worth knowing."""
    gr.Warning(escape(text))


_LOG_LIMIT = 2_000_000
"""Bytes after which the log begins anew, so that nobody fills the disk by repeating what goes wrong."""


def logged() -> str:
    """Write the exception being handled to HOME/app.log, whole; return that path (or where it went instead)."""
    text = f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{traceback.format_exc()}\n"
    try:
        path = home() / "app.log"
        too_long = path.exists() and path.stat().st_size > _LOG_LIMIT
        with path.open("w" if too_long else "a", encoding="utf-8") as file:
            file.write(text)
        return str(path)
    except (UserError, OSError):
        sys.stderr.write(text)
        return "stderr"


def listed(problems: list[UserError], language: str) -> str:
    """All problems as a Markdown list; what the user typed is shown as it is."""
    return "\n".join(f"- {plain(problem.sentence(language))}" for problem in problems)


def bad_html(text: str) -> str:
    """What went wrong, where it stands on the page instead of in a toast."""
    return f'<div class="import" role="alert"><p class="bad">{escape(text)}</p></div>'


def plain(text: str) -> str:
    """`text` so that Markdown and HTML show it letter by letter."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in r"\`*_[]#|~$":
        escaped = escaped.replace(mark, "\\" + mark)
    return escaped
