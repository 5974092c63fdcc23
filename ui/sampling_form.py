"""How a model answers, as a form: one component per field of Sampling, and the system prompt."""

from __future__ import annotations

from typing import Any

import gradio as gr

from serving.engine import RANGES, Sampling
from ui.text import Key, Text


def sampling_form(text: Text, longest: int = 1024) -> dict[str, Any]:
    """Make the form here, closed. Field of Sampling -> component; "system" -> the system prompt.

    `longest`: tokens that an answer may be allowed.
    """
    plain = Sampling()
    with text.new(gr.Accordion, label=Key("chat.settings"), open=False, elem_classes="card"):
        return {
            "temperature": text.new(
                gr.Slider,
                label=Key("chat.temperature"),
                info=Key("chat.temperature_info"),
                minimum=RANGES["temperature"][0],
                maximum=RANGES["temperature"][1],
                step=0.05,
                value=plain.temperature,
            ),
            "top_p": text.new(
                gr.Slider,
                label=Key("chat.top_p"),
                info=Key("chat.top_p_info"),
                minimum=0.05,
                maximum=1,
                step=0.05,
                value=plain.top_p,
            ),
            "max_tokens": text.new(
                gr.Slider,
                label=Key("chat.max_tokens"),
                minimum=16,
                maximum=longest,
                step=16,
                value=min(plain.max_tokens, longest),
            ),
            "system": text.new(
                gr.Textbox, label=Key("chat.system"), info=Key("chat.system_info"), lines=2, max_lines=6
            ),
        }
