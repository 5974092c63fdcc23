"""The log of a run on the page: follows its end or holds still, or shows the lines with a word. Reads run_log.py."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from training.runs import run_log
from training.sentences import sentence
from ui.edge import plain
from ui.text import Key, Text

CHARACTERS = 10_000
"""Of the end of the log: about a hundred lines, sent to every viewer again and again."""
LINE_CHARACTERS = 500
"""What is shown of a line that was found."""


@dataclass(frozen=True)
class LogView:
    """The components."""

    words: gr.Textbox
    follow: gr.Checkbox
    text: gr.HTML
    note: gr.Markdown

    def rendered(self, folder: Path, words: str, language: str) -> dict[Any, Any]:
        """Updates that show the end of the log, or what was found in it."""
        if words:
            count, lines = run_log.search(folder, words)
            shown = "\n".join(line.strip()[:LINE_CHARACTERS] for line in lines)
            found = {"count": count, "shown": len(lines), "words": plain(words)}
            note = sentence("run.log_found" if count else "run.log_not_found", language, **found)
        else:
            shown = run_log.tail(folder, CHARACTERS)
            note = sentence("run.log_path", language, path=plain(str(folder / run_log.FILE)))
        return {self.text: f"<pre>{escape(shown)}</pre>", self.note: note}


def log_view(text: Text) -> LogView:
    """Make the components here."""
    with gr.Row(elem_classes="actions log-head"):
        text.new(gr.Markdown, value=Key("run.log_title"), elem_classes="group-title grow")
        follow = text.new(gr.Checkbox, value=True, label=Key("run.log_follow"), container=False, scale=0, min_width=110)
        words = text.new(
            gr.Textbox,
            label=Key("run.log_search"),
            placeholder=Key("run.log_search"),
            show_label=False,
            container=False,
            max_lines=1,
            submit_btn=True,
            scale=0,
            min_width=230,
        )
    return LogView(words, follow, gr.HTML(elem_classes="log", autoscroll=False), gr.Markdown(elem_classes="plan"))
