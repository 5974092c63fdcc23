"""What a guest's browser may send: one event of the page, with values such as its components have, and nothing else.

Gradio itself takes any JSON: a dictionary in the place of a text names a file that it then fetches, a session's name
may be a megabyte long and is kept for ever, and what a component cannot read becomes a traceback in the log.
"""

from __future__ import annotations

import json
import re
from typing import Any

import gradio as gr
from gradio.block_function import BlockFunction

from serving.album import STRANGERS
from ui import picture_box

_SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")


LONGEST = 16 * 1024
"""Bytes of an event: enough for the longest question that is answered, however it is encoded."""
LONGEST_WITH_PICTURE = LONGEST + STRANGERS.bytes * 4 // 3
"""Bytes of one with a picture, which comes as text."""


def checked(body: bytes, events: dict[int, BlockFunction]) -> bytes | None:
    """The event as Gradio shall read it; None when it is none of the page's, or long without a picture."""
    try:
        told = json.loads(body)
        event, data, session = events[told["fn_index"]], told["data"], told["session_hash"]
        if len(body) - sum(map(len, _pictures(event, data))) > LONGEST:
            return None
        if len(data) != len(event.inputs) or not _SESSION.fullmatch(session):
            return None
        if not all(map(_fits, event.inputs, data)):
            return None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    trigger = told.get("trigger_id")
    return json.dumps(
        {
            "fn_index": event._id,
            "data": [_whole(value) if isinstance(value, str) else value for value in data],
            "session_hash": session,
            "trigger_id": trigger if isinstance(trigger, int) else None,
        }
    ).encode()


def _pictures(event: BlockFunction, data: list[Any]) -> list[str]:
    boxes = zip(event.inputs, data)
    return [value for component, value in boxes if isinstance(component, gr.HTML) and isinstance(value, str)]


def _whole(text: str) -> str:
    """Without half characters, which no answer could be sent with."""
    return text.encode("utf-8", "replace").decode()


def _fits(component: Any, value: Any) -> bool:
    """Whether this component can have this value. A kind of component that is not named here can have none."""
    if isinstance(component, gr.State):
        return value is None  # it never leaves the server
    if isinstance(component, gr.Radio):
        return isinstance(value, str) and value in [choice for _, choice in component.choices]
    if isinstance(component, gr.Slider):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and component.minimum <= value <= component.maximum
    if isinstance(component, gr.Textbox):
        return value is None or isinstance(value, str)
    if isinstance(component, gr.HTML):  # the only one that is read is the picture box
        return picture_box.fits(value, STRANGERS)
    return False
