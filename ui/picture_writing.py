"""What one does with an album on the page: look around in it, write about a picture, go on to the next one.

What is typed is kept at once, letter by letter, and read: a line below says how it was understood, or what is wrong.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from training.eyes import album as albums
from training.eyes import binding
from training.eyes.album import Album
from training.sentences import LANGUAGES, sentence
from ui import picture_view
from ui.edge import PRIVATE, told
from ui.picture_editor import PAGE, PictureEditor, shown
from ui.text import Text


def kept(name: str, chosen: str, said: str | None) -> Album:
    """The album with what is typed now: a click may be quicker than the page's word about the last letters."""
    if chosen in albums.load(name).pictures:
        albums.say(name, chosen, said or "")
    return albums.load(name)


def wire_editor(text: Text, editor: PictureEditor) -> None:
    """Wire looking around, writing, and removing."""
    _wire_looking(text, editor)
    _wire_writing(text, editor)
    _wire_removing(text, editor)


def _wire_looking(text: Text, editor: PictureEditor) -> None:
    @told
    def choose(
        language: str, event: gr.SelectData, name: str, chosen: str, said: str, begin: float, only_silent: bool
    ) -> dict[Any, Any]:
        album = kept(name, chosen, said)
        listed = shown(album, chosen, only_silent)
        place = int(begin) + int(event.index)
        picture = listed[place] if place < len(listed) else chosen
        return editor.showing(album, language, picture, -1 if only_silent else int(begin), only_silent)

    @told
    def look_again(language: str, name: str, chosen: str, said: str, begin: float, only_silent: bool) -> Any:
        if not name:
            return gr.skip()
        album = kept(name, chosen, said)
        again = editor.showing(album, language, chosen, int(begin), only_silent)
        if chosen not in album.pictures:
            return again
        # Its marks for questions and answers follow the language; what was typed otherwise stays.
        written = [album.text(chosen, each) for each in LANGUAGES]
        follows = said in written and said != album.text(chosen, language)
        return again if follows else {**editor.around(again), editor.state: again[editor.state]}

    at = [text.language, *editor.at]
    editor.gallery.select(choose, at, editor.outputs, trigger_mode="always_last", **PRIVATE)
    for button, step in ((editor.earlier, -PAGE), (editor.later, PAGE)):

        @told
        def turn(
            language: str, name: str, chosen: str, said: str, begin: float, only_silent: bool, step: int = step
        ) -> dict[Any, Any]:
            album, wanted = kept(name, chosen, said), int(begin) + step
            known = 0 <= wanted < len(shown(album, chosen, only_silent))
            return editor.showing(album, language, chosen, wanted if known else int(begin), only_silent)

        button.click(turn, at, editor.outputs, **PRIVATE)
    gr.on([text.language.change, editor.silent.change], look_again, at, editor.outputs, **PRIVATE)


def _wire_writing(text: Text, editor: PictureEditor) -> None:
    @told
    def write(language: str, name: str, chosen: str, said: str) -> Any:
        if not name or not chosen:
            return gr.skip()
        problem = albums.say(name, chosen, said or "")
        album = albums.load(name)
        return {
            editor.state: editor.understood(album, chosen, language, problem),
            editor.counts: picture_view.counts(album, language),
        }

    @told
    def follow(language: str, name: str, chosen: str, said: str, _begin: float, only_silent: bool) -> dict[Any, Any]:
        album = kept(name, chosen, said)
        return editor.showing(album, language, _next(album, chosen), -1, only_silent)

    writing = [text.language, editor.album, editor.chosen, editor.said]
    editor.said.change(write, writing, [editor.state, editor.counts], trigger_mode="always_last", **PRIVATE)
    editor.following.click(follow, [text.language, *editor.at], editor.outputs, **PRIVATE)


def _wire_removing(text: Text, editor: PictureEditor) -> None:
    def remove(language: str, name: str, chosen: str, begin: float, only_silent: bool) -> dict[Any, Any]:
        listed = list(albums.load(name).pictures)
        place = listed.index(chosen) if chosen in listed else 0
        left = albums.remove(name, chosen)
        after = list(left.pictures)
        neighbour = after[min(place, len(after) - 1)] if after else ""
        shown_now = editor.showing(left, language, neighbour, int(begin), only_silent)
        return {**shown_now, **editor.removing.hide()}

    @told
    def ask(language: str, name: str, chosen: str, said: str, begin: float, only_silent: bool) -> dict[Any, Any]:
        if (said or "").strip():
            return editor.removing.ask(sentence("pictures.remove_ask", language), name, chosen)
        return remove(language, name, chosen, begin, only_silent)

    at, outputs = [text.language, *editor.at], [*editor.outputs, *editor.removing.outputs]
    editor.remove.click(ask, at, outputs, **PRIVATE)
    answered = [text.language, editor.removing.subject, *editor.at[3:]]
    editor.removing.yes.click(editor.removing.about(remove), answered, outputs, **PRIVATE)


def _next(album: Album, chosen: str) -> str:
    """The next picture about which nothing is said; where there is none, simply the next one."""
    paths = list(album.pictures)
    place = paths.index(chosen) + 1 if chosen in paths else 0
    mute = set(binding.silent(album))
    order = [*paths[place:], *paths[:place]]
    return next((path for path in order if path in mute and path != chosen), order[0] if order else "")
