"""Stop asks first: keep what was learned, or discard it. The answer is acted upon at once."""

from __future__ import annotations

from typing import Any

import gradio as gr

from training import runs
from training.sentences import sentence
from ui.confirm import Confirm
from ui.edge import PRIVATE, QUIET, plain, told
from ui.live_view import Looking, RunPanel
from ui.text import Text
from ui.visibility import classes


def wire_stopping(text: Text, panel: RunPanel, stopping: Confirm) -> None:
    @told
    def ask(language: str, run: str) -> dict[Any, Any]:
        name = str(runs.spec(run).get("name") or run)
        return stopping.ask(sentence("run.stop_ask", language, name=plain(name)), run)

    def stop(keep: bool) -> Any:
        def stopped(language: str, run: str, chosen: str, *looking: Any) -> dict[Any, Any]:
            runs.stop(run, keep)
            return panel.following(chosen, language, Looking.at(*looking), chosen)

        return stopping.about(stopped)

    @told
    def again(_language: str, run: str | None) -> Any:
        return gr.update(interactive=not run or runs.look(run).phase != "stopping")

    panel.stop.click(ask, [text.language, panel.run], stopping.outputs, **PRIVATE)
    # The question goes at once; the last process may need some seconds to end.
    for button, keep in ((stopping.yes, False), (stopping.other, True)):
        hidden = button.click(_stopping_now, None, [stopping.box, panel.stop], **QUIET)
        answered = [text.language, stopping.subject, panel.run, *panel.looking]
        stopped = hidden.then(stop(keep), answered, panel.outputs, **PRIVATE)
        stopped.then(again, [text.language, panel.run], panel.stop, **QUIET)  # after an error too


def _stopping_now() -> tuple[Any, Any]:
    return gr.update(elem_classes=classes("confirm", False)), gr.update(interactive=False)
