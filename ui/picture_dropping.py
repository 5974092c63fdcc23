"""Pictures, zips and lists are dropped and looked at: how far that is, what was found, what is wrong with the rest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from training import dataset
from training.errors import UserError
from training.eyes import album as albums
from training.eyes.gathering import desk
from training.eyes.gathering.desk import Look
from training.eyes.gathering.taken import Taken
from training.home import home
from training.sentences import sentence
from ui import picture_view
from ui.edge import PRIVATE, QUIET, toast, told
from ui.picture_editor import PictureEditor
from ui.picture_saving import PictureSaving
from ui.text import Key, Text
from ui.visibility import HIDDEN, classes, seen

TICK = 0.7
"""Seconds between two looks at files that are being looked at."""


@dataclass(frozen=True)
class PictureDropping:
    """The components."""

    idle: gr.Column
    """Shown while nothing is being looked at."""
    files: gr.File
    folder: gr.UploadButton
    example: gr.Button
    clear: gr.Button
    progress: gr.HTML
    stop: gr.Button
    timer: gr.Timer
    current: gr.Textbox
    """The id of what is being looked at for this visitor; hidden."""
    ended: gr.Textbox
    """The id of what has been looked at; hidden, its change is what the rest of the page hears."""
    report: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        return [self.idle, self.files, self.progress, self.stop, self.timer, self.current]

    def looking(self, current: str, look: Look | None, language: str) -> dict[Any, Any]:
        """Updates that show how the looking stands; without one, that files may be dropped."""
        live = bool(look and look.live)
        said = picture_view.looking_html(look, language) if look and live else ""
        return {
            self.idle: gr.update(elem_classes=classes("pane", not live)),
            self.progress: gr.update(value=said, visible=seen(live)),
            self.stop: gr.update(visible=seen(live)),
            self.timer: gr.Timer(active=live),
            self.current: current if live else "",
        }

    def reporting(self, taken: Taken | None, language: str) -> Any:
        """An update of the report: what was found."""
        return gr.update(value=picture_view.taken_html(taken, language) if taken else "", visible=seen(taken))


def picture_dropping(text: Text) -> PictureDropping:
    """Make the components here; wire_dropping() connects them."""
    small = {"size": "sm", "min_width": 110}
    with gr.Column(elem_classes="pane") as idle:
        files = text.new(gr.File, label=Key("pictures.files"), file_count="multiple", height=140, elem_classes="upload")
        with gr.Row(elem_classes="actions"):
            folder = text.new(gr.UploadButton, label=Key("pictures.folder"), file_count="directory", **small)
            example = text.new(gr.Button, value=Key("pictures.example"), **small)
            clear = text.new(gr.Button, value=Key("pictures.clear"), **small)
    progress = gr.HTML(visible=HIDDEN)
    stop = text.new(gr.Button, value=Key("pictures.stop"), size="sm", visible=HIDDEN)
    timer = gr.Timer(TICK, active=False)
    current, ended = gr.Textbox(visible=HIDDEN), gr.Textbox(visible=HIDDEN)
    report = gr.HTML(visible=HIDDEN)
    return PictureDropping(idle, files, folder, example, clear, progress, stop, timer, current, ended, report)


def wire_dropping(text: Text, dropping: PictureDropping, editor: PictureEditor, saving: PictureSaving) -> None:
    """Wire dropping, watching, and what comes of it."""
    _wire_looking(text, dropping, editor)
    _wire_ending(text, dropping, editor, saving)
    _wire_reporting(text, dropping, editor)


def _wire_looking(text: Text, dropping: PictureDropping, editor: PictureEditor) -> None:
    @told
    def drop(language: str, name: str, files: list[str] | None) -> Any:
        if not files:
            return gr.skip()
        album = _album(name)
        begun = desk.start(album, [Path(file) for file in files])
        return {
            editor.album: album,
            dropping.report: dropping.reporting(None, language),
            **dropping.looking(begun, Look(), language),
        }

    @told
    def tick(language: str, current: str) -> Any:
        if not current:
            return gr.skip()
        look = _look(current)
        return {**dropping.looking(current, look, language), **({} if look.live else {dropping.ended: current})}

    @told
    def stop(language: str, current: str) -> dict[Any, Any]:
        given = desk.given(current)
        desk.discard(current)
        _forget(given)
        return {dropping.files: None, **dropping.looking("", None, language)}

    begun = [*dropping.outputs, editor.album, dropping.report]
    for source in (dropping.files, dropping.folder):
        source.upload(drop, [text.language, editor.album, source], begun, **PRIVATE)
    current = [text.language, dropping.current]
    dropping.timer.tick(tick, current, [*dropping.outputs, dropping.ended], **QUIET)
    dropping.stop.click(stop, current, dropping.outputs, **PRIVATE)


def _wire_ending(text: Text, dropping: PictureDropping, editor: PictureEditor, saving: PictureSaving) -> None:
    """What happens once, at the end of a look: in the queue, so that it can be told."""

    @told
    def end(
        language: str, ended: str, named: str | None, name: str, chosen: str, _said: str, begin: float, silent: bool
    ) -> dict[Any, Any]:
        taken, given, name = None, desk.given(ended), _album(name)
        try:
            taken = desk.finish(ended, name)
        except UserError as error:
            toast(error.sentence(language))
        _forget(given)
        album = albums.load(name)
        first = chosen or next(iter(taken.pictures if taken else []), "")
        shown, offered = editor.showing(album, language, first, int(begin), silent), saving.showing(album)
        if chosen in album.pictures and chosen not in [talk.image for talk in (taken.talks if taken else [])]:
            shown = editor.around(shown)
        if not taken or taken.times == 1:
            del offered[saving.repeat]
        if not named:
            offered[saving.name] = dataset.free_name(sentence("pictures.example_name", language))
        return {dropping.files: None, dropping.report: dropping.reporting(taken, language), **shown, **offered}

    outputs = [dropping.files, dropping.report, *editor.outputs, *saving.outputs]
    dropping.ended.change(end, [text.language, dropping.ended, saving.name, *editor.at], outputs, **PRIVATE)


def _wire_reporting(text: Text, dropping: PictureDropping, editor: PictureEditor) -> None:
    """Another album, or another language: the report follows."""

    @told
    def report(language: str, name: str) -> Any:
        try:
            taken = albums.last(albums.load(name)) if name else None
        except UserError:
            taken = None
        return dropping.reporting(taken, language)

    changes = [text.language.change, editor.album.change]
    gr.on(changes, report, [text.language, editor.album], dropping.report, **QUIET)


def _album(name: str) -> str:
    """The album to put things into: this one, or a new one."""
    try:
        return albums.load(name).id
    except UserError:
        return albums.new().id


def _look(current: str) -> Look:
    try:
        return desk.look(current)
    except UserError as error:  # said once, at the end, and not at every tick
        return Look(error=error)


def _forget(files: list[Path]) -> None:
    """Remove the page's own copies of uploaded files, which may be big; nothing else."""
    cache = (home() / "cache").resolve()
    for file in files:
        if file.resolve().is_relative_to(cache):
            file.unlink(missing_ok=True)
