"""What this machine is fit for, asked from the page. (The looking: training/doctor.py.)"""

from __future__ import annotations

from typing import Any

import gradio as gr

from training import doctor
from training.doctor import STATES, Finding
from training.sentences import sentence
from ui.at_work import at_work
from ui.edge import PRIVATE, QUIET, plain, told
from ui.text import Key, Text
from ui.visibility import HIDDEN


def doctor_pane(text: Text) -> None:
    """Make the pane here and wire it."""
    with text.new(gr.Accordion, label=Key("doctor.title"), open=False, elem_classes="card"):
        text.new(gr.Markdown, value=Key("doctor.about"), elem_classes="card-text")
        button = text.new(gr.Button, value=Key("doctor.start"), size="sm")
        shown = gr.Markdown(visible=HIDDEN, elem_classes="doctor")
    found = gr.State([])

    @told
    def look(language: str) -> tuple[list[Finding], Any]:
        findings = doctor.examine(port=None)
        return findings, gr.update(value=listed(findings, language), visible=True)

    @told
    def again(language: str, findings: list[Finding]) -> Any:
        return listed(findings, language) if findings else gr.skip()

    looking = {"fn": look, "inputs": text.language, "outputs": [found, shown], **PRIVATE}
    at_work(text, button, "doctor.looking", "doctor.start", button.click, **looking)
    text.language.change(again, [text.language, found], shown, **QUIET)


def listed(findings: list[Finding], language: str) -> str:
    """The findings as Markdown, what matters most first."""
    order = sorted(findings, key=lambda finding: -STATES.index(finding.state))
    lines = [f"- **{sentence(f'doctor.{one.state}', language)}** {plain(one.sentence(language))}" for one in order]
    if not any(finding.state == "problem" for finding in findings):
        lines = [sentence("doctor.all_well", language), "", *lines]
    return "\n".join(lines)
