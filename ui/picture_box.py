"""Where a picture for the next question lies: chosen from a file, pasted, dropped, or taken with the camera.

It travels as text inside the event that asks (serving/album.py says how), so that no upload and no file has to be
opened to anybody. Gradio's own gr.Image decodes a picture before any of our checks, and leaves it on the disk.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from serving.album import SENT, Album, Bounds
from training.sentences import LANGUAGES, sentence
from ui.edge import PRIVATE, toast, told
from ui.text import Key, Text
from ui.visibility import classes

GROUP = "picturable"
"""The class of the container that a picture can be pasted or dropped into; it holds the box and its buttons."""
TROUBLES = ("blind", "camera", "unreadable")
"""What can go wrong before a picture is sent: picture.WHY of the sentences."""
_TROUBLE = re.compile(rf"error:({'|'.join(TROUBLES)})")
_SCRIPT = Path(__file__).with_suffix(".js")
_TEMPLATE = """\
{{#if value}}<figure><img src="{{value}}" alt=""><button type="button" class="take-away">×</button></figure>{{/if}}"""


@dataclass(frozen=True)
class PictureBox:
    """The box, its buttons in their row, and the sentence in their place where the model has no eyes."""

    value: gr.HTML
    buttons: gr.Row
    blind: gr.Markdown

    @property
    def seeing(self) -> list[Any]:
        """What changes with the model."""
        return [self.buttons, self.blind]

    def showing(self, eyes: bool) -> dict[Any, Any]:
        """Updates for a model with or without eyes."""
        return {
            self.buttons: gr.update(elem_classes=classes("picture-buttons", eyes)),
            self.blind: gr.update(elem_classes=classes("plan blind", not eyes)),
        }


def picture_box(text: Text, bounds: Bounds) -> PictureBox:
    """Make the components here, inside a container of the class GROUP."""
    kinds = [f"image/{kind.lower()}" for kind in bounds.formats]
    words = {
        language: {name: sentence(f"picture.{name}", language) for name in ("take", "close", "remove", "picture")}
        for language in LANGUAGES
    }
    options = {"bytes": bounds.bytes, "side": bounds.side, "kinds": kinds, "words": words}
    script = f"const OPTIONS = {json.dumps(options)};\n{_SCRIPT.read_text(encoding='utf-8')}"
    value = gr.HTML(
        value="", html_template=_TEMPLATE, js_on_load=script, apply_default_css=False, elem_classes="picture-box"
    )
    with gr.Row(elem_classes=classes("picture-buttons", False)) as buttons:
        for name, does in (("add", "pick"), ("photograph", "photograph")):
            text.new(gr.Button, value=Key(f"picture.{name}"), size="sm", scale=0, min_width=120, elem_classes=does)
    blind = text.new(gr.Markdown, value=Key("picture.none"), elem_classes=classes("plan blind", False))
    box = PictureBox(value, buttons, blind)

    @told
    def complain(language: str, said: str | None) -> Any:
        trouble = _TROUBLE.fullmatch(said or "")
        if trouble:
            toast(sentence(f"picture.{trouble[1]}", language))
        return ""

    wrong: Callable[..., Any] = value.wrong
    wrong(complain, [text.language, value], value, **PRIVATE)
    return box


def fits(value: Any, bounds: Bounds) -> bool:
    """Whether this may be the value of a picture box: nothing, a picture that is not too long, or a trouble."""
    if value in (None, ""):
        return True
    if not isinstance(value, str) or len(value) > bounds.bytes * 4 // 3 + 1000:
        return False
    return bool(SENT.fullmatch(value) or _TROUBLE.fullmatch(value))


def kept(sent: str | None, album: Album, talk: str = "") -> list[str]:
    """The file of the picture that lies in a box, as a message's "images". Raises UserError as Album.keep."""
    return [album.keep(sent, talk)] if sent and not _TROUBLE.fullmatch(sent) else []
