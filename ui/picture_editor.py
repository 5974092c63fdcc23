"""An album on the page: its pictures side by side, one of them chosen, and what is said about that one.

What the buttons and the typing do is in picture_writing.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from training.errors import UserError
from training.eyes import binding, glance
from training.eyes.album import Album
from training.sentences import sentence
from ui import picture_view
from ui.confirm import Confirm, confirm
from ui.edge import plain
from ui.text import Key, Text
from ui.visibility import HIDDEN, classes

PAGE = 48
"""Pictures that are shown side by side."""
SMALL, LARGE = 200, 640
"""Pixels of the longer side: side by side, and alone."""


@dataclass(frozen=True)
class PictureEditor:
    """The editor's components."""

    album: gr.Textbox
    """The id of the album this visitor works at; hidden. In the page, not in a gr.State: it goes with what is typed."""
    chosen: gr.Textbox
    """The path of the picture that is chosen; hidden, for the same reason."""
    begin: gr.Number
    """The place of the first picture that is shown; hidden."""
    nothing: gr.Markdown
    something: gr.Column
    counts: gr.Markdown
    silent: gr.Checkbox
    gallery: gr.Gallery
    turning: gr.Row
    earlier: gr.Button
    place: gr.Markdown
    later: gr.Button
    editing: gr.Column
    image: gr.Image
    said: gr.Textbox
    state: gr.Markdown
    following: gr.Button
    remove: gr.Button
    removing: Confirm

    @property
    def at(self) -> list[Any]:
        """What says which album, which picture, what is said about it, which page."""
        return [self.album, self.chosen, self.said, self.begin, self.silent]

    @property
    def outputs(self) -> list[Any]:
        wanted = ("album", "chosen", "begin", "nothing", "something", "counts", "gallery", "turning", "place")
        return [getattr(self, field) for field in (*wanted, "editing", "image", "said", "state")]

    def showing(
        self, album: Album | None, language: str, chosen: str = "", begin: int = 0, only_silent: bool = False
    ) -> dict[Any, Any]:
        """Updates that show the album with one picture chosen; the first when that is not there."""
        if album is None or not (album.pictures or album.talks):
            return self._empty(album)
        chosen = chosen if chosen in album.pictures else next(iter(album.pictures), "")
        listed = shown(album, chosen, only_silent)
        begin = listed.index(chosen) // PAGE * PAGE if chosen in listed and begin < 0 else max(0, begin)
        begin = begin if begin < len(listed) else 0
        return {
            self.album: album.id,
            self.begin: begin,
            self.nothing: gr.update(visible=HIDDEN),
            self.something: gr.update(elem_classes=classes("pane", True)),
            self.counts: picture_view.counts(album, language),
            **self._side_by_side(album, language, listed, begin, chosen),
            **self._one(album, language, chosen),
        }

    def around(self, shown: dict[Any, Any]) -> dict[Any, Any]:
        """These updates without the picture that is written about: he may be typing, or at another one by now."""
        one = (self.chosen, self.editing, self.image, self.said, self.state)
        album = {part: update for part, update in shown.items() if part not in one}
        return {**album, self.gallery: gr.update(value=shown[self.gallery]["value"])}

    def _empty(self, album: Album | None) -> dict[Any, Any]:
        return {
            self.album: album.id if album else "",
            self.chosen: "",
            self.begin: 0,
            self.nothing: gr.update(visible=True),
            self.something: gr.update(elem_classes=classes("pane", False)),
            self.gallery: gr.update(value=None, selected_index=None),
            self.said: "",
        }

    def _side_by_side(
        self, album: Album, language: str, listed: Sequence[str], begin: int, chosen: str
    ) -> dict[Any, Any]:
        page = listed[begin : begin + PAGE]
        said = album.said()
        value = [
            (glance.small(album, path, SMALL).as_posix(), _caption(album, path, len(said.get(path, [])), language))
            for path in page
        ]
        place = sentence("pictures.place", language, first=begin + 1, last=begin + len(page), total=len(listed))
        return {
            self.gallery: gr.update(value=value, selected_index=page.index(chosen) if chosen in page else None),
            self.turning: gr.update(elem_classes=classes("actions", len(listed) > PAGE)),
            self.place: place,
        }

    def _one(self, album: Album, language: str, chosen: str) -> dict[Any, Any]:
        text = album.text(chosen, language) if chosen else ""
        return {
            self.chosen: chosen,
            self.editing: gr.update(elem_classes=classes("pane", chosen)),
            self.image: glance.small(album, chosen, LARGE).as_posix() if chosen else None,
            self.said: gr.update(value=text),
            self.state: self.understood(album, chosen, language) if chosen else "",
        }

    def understood(self, album: Album, chosen: str, language: str, problem: UserError | None = None) -> str:
        """How what is said about a picture was understood."""
        if problem or chosen in album.raw:
            wrong = problem or album.fault(chosen)
            return f"⚠ {plain(wrong.sentence(language))}" if wrong else ""
        talks = album.said().get(chosen, [])
        if not talks:
            return sentence("pictures.said_nothing", language)
        questions = sum(len(turns) // 2 for turns in talks)
        return sentence("pictures.said", language, talks=len(talks), questions=questions)


def shown(album: Album, chosen: str, only_silent: bool) -> list[str]:
    """The pictures to be shown; the chosen one stays while one writes about it."""
    if not only_silent:
        return list(album.pictures)
    mute = set(binding.silent(album))
    return [path for path in album.pictures if path in mute or path == chosen]


def _caption(album: Album, path: str, talks: int, language: str) -> str:
    if path in album.raw:
        return sentence("pictures.caption_raw", language)
    return sentence("pictures.caption", language, talks=talks) if talks else sentence("pictures.caption_none", language)


def picture_editor(text: Text) -> PictureEditor:
    """Make the editor here; picture_writing.py connects it."""
    hidden = {"visible": HIDDEN, "show_label": False, "container": False}
    at: dict[str, Any] = {name: gr.Textbox("", **hidden) for name in ("album", "chosen")}
    begin = gr.Number(0, precision=0, **hidden)
    nothing = text.new(gr.Markdown, value=Key("pictures.nothing"), elem_classes="empty")
    with gr.Column(elem_classes=classes("pane", False)) as something:
        parts = {**_all_pictures(text), **_one_picture(text)}
    return PictureEditor(**at, begin=begin, nothing=nothing, something=something, **parts)


def _all_pictures(text: Text) -> dict[str, Any]:
    counts = gr.Markdown(elem_classes="counts")
    gallery = text.new(
        gr.Gallery,
        label=Key("pictures.gallery"),
        show_label=False,
        columns=6,
        allow_preview=False,
        object_fit="contain",
        buttons=[],
        interactive=False,
        elem_classes="gallery",
    )
    silent = text.new(gr.Checkbox, label=Key("pictures.only_silent"), value=False)
    with gr.Row(elem_classes=classes("actions", False)) as turning:
        earlier = text.new(gr.Button, value=Key("pictures.earlier"), size="sm", min_width=70)
        place = gr.Markdown(elem_classes="place")
        later = text.new(gr.Button, value=Key("pictures.later"), size="sm", min_width=70)
    shown = {"counts": counts, "gallery": gallery, "silent": silent}
    return {**shown, "turning": turning, "earlier": earlier, "place": place, "later": later}


def _one_picture(text: Text) -> dict[str, Any]:
    image_is = {"label": Key("pictures.image"), "show_label": False, "interactive": False, "height": 260, "buttons": []}
    with gr.Column(elem_classes=classes("pane", False)) as editing:
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=200):
                image = text.new(gr.Image, **image_is)
            with gr.Column(scale=3, min_width=240):
                said = text.new(
                    gr.Textbox,
                    label=Key("pictures.text"),
                    info=Key("pictures.text_info"),
                    placeholder=Key("pictures.text_example"),
                    lines=7,
                    max_lines=16,
                )
                state = gr.Markdown(elem_classes="card-text")
        with gr.Row(elem_classes="actions"):
            following = text.new(gr.Button, value=Key("pictures.following"), size="sm", min_width=120)
            remove = text.new(gr.Button, value=Key("pictures.remove"), size="sm", min_width=120)
        removing = confirm(text, "pictures.remove_yes", "dataset.delete_no")
    shown = {"editing": editing, "removing": removing, "image": image, "said": said, "state": state}
    return {**shown, "following": following, "remove": remove}
