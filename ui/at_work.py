"""A button for what takes long: it says what goes on and cannot be pressed until that has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from training.sentences import sentence
from ui.edge import QUIET
from ui.text import Text


def at_work(text: Text, button: gr.Button, working: str, resting: str, event: Any, **does: Any) -> Any:
    """After `event` do what the arguments `does` of an event say; goes on as an event.

    `working`, `resting`: keys of what the button says meanwhile and afterwards.
    """
    begun = event(_saying(working, False), text.language, button, **QUIET)
    done = begun.then(**does)
    return done.then(_saying(resting, True), text.language, button, **QUIET)  # after an error too


def _saying(key: str, interactive: bool) -> Callable[[str], Any]:
    return lambda language: gr.update(value=sentence(key, language), interactive=interactive)
