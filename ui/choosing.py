"""Dropdowns whose choices are on the disk: renewed without undoing what somebody chooses meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr


def offered(choices: Sequence[str | tuple[str, str]], chosen: str | None, wanted: str | None = None) -> Any:
    """Update of a dropdown: what there is now, with `wanted` chosen, else what is `chosen`, else the first.

    What is chosen already is not sent: on a slow machine an update arrives when something else is chosen by now.
    """
    values = [each if isinstance(each, str) else each[1] for each in choices]
    if wanted in values:
        return gr.update(choices=choices, value=wanted)
    if chosen in values:
        return gr.update(choices=choices)
    return gr.update(choices=choices, value=next(iter(values), None))
