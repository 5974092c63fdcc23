"""Pictures and what is said about them become a picture set: drop, look, write, save. (The album: training/eyes/.)"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from training import dataset
from training.errors import UserError
from training.eyes import album as albums
from training.eyes.gathering import desk
from training.eyes.gathering.desk import Look
from training.eyes.gathering.taking import Taken
from training.home import home
from training.persona import Persona
from training.sentences import sentence
from ui import picture_view
from ui.confirm import Confirm, confirm
from ui.draft import Draft
from ui.edge import PRIVATE, QUIET, toast, told
from ui.picture_editor import PictureEditor, picture_editor, wire_editor
from ui.picture_saving import PictureSaving, picture_saving, wire_example, wire_saving
from ui.text import Key, Text
from ui.visibility import HIDDEN, classes, seen

TICK = 0.7
"""Seconds between two looks at files that are being looked at."""


@dataclass(frozen=True)
class PicturePane:
    """The pane's components."""

    dropping: gr.Column
    """Shown while nothing is being looked at."""
    files: gr.File
    folder: gr.UploadButton
    example: gr.Button
    clear: gr.Button
    clearing: Confirm
    progress: gr.HTML
    stop: gr.Button
    timer: gr.Timer
    current: gr.Textbox
    """The id of what is being looked at for this visitor; hidden."""
    ended: gr.Textbox
    """The id of what has been looked at; hidden, its change is what the rest of the page hears."""
    taken: gr.State
    report: gr.HTML
    editor: PictureEditor
    saving: PictureSaving
    draft: Draft

    @property
    def outputs(self) -> list[Any]:
        return [self.dropping, self.files, self.progress, self.stop, self.timer, self.current]

    def looking(self, current: str, look: Look | None, language: str) -> dict[Any, Any]:
        """Updates that show how the looking stands; without one, that files may be dropped."""
        live = bool(look and look.live)
        said = picture_view.looking_html(look, language) if look and live else ""
        return {
            self.dropping: gr.update(elem_classes=classes("pane", not live)),
            self.progress: gr.update(value=said, visible=seen(live)),
            self.stop: gr.update(visible=seen(live)),
            self.timer: gr.Timer(active=live),
            self.current: current if live else "",
        }

    def reporting(self, taken: Taken | None, language: str) -> dict[Any, Any]:
        """Updates that tell what was found."""
        said = picture_view.taken_html(taken, language) if taken else ""
        return {self.taken: taken, self.report: gr.update(value=said, visible=seen(taken))}


def picture_pane(text: Text) -> PicturePane:
    """Make the pane here; wire_pictures() connects it."""
    with text.new(gr.Accordion, label=Key("pictures.title"), open=False, elem_classes="card"):
        text.new(gr.Markdown, value=Key("pictures.about"), elem_classes="card-text")
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                with gr.Column(elem_classes="pane") as dropping:
                    files = text.new(
                        gr.File,
                        label=Key("pictures.files"),
                        file_count="multiple",
                        type="filepath",
                        height=140,
                        elem_classes="upload",
                    )
                    with gr.Row(elem_classes="actions"):
                        folder = text.new(
                            gr.UploadButton,
                            label=Key("pictures.folder"),
                            file_count="directory",
                            size="sm",
                            min_width=110,
                        )
                        example = text.new(gr.Button, value=Key("pictures.example"), size="sm", min_width=110)
                        clear = text.new(gr.Button, value=Key("pictures.clear"), size="sm", min_width=110)
                clearing = confirm(text, "pictures.clear_yes", "dataset.delete_no")
                progress = gr.HTML(visible=HIDDEN)
                stop = text.new(gr.Button, value=Key("pictures.stop"), size="sm", visible=HIDDEN)
                report = gr.HTML(visible=HIDDEN)
                saving = picture_saving(text)
            with gr.Column(scale=3, min_width=320):
                editor = picture_editor(text)
        timer, taken = gr.Timer(TICK, active=False), gr.State(None)
        current, ended = gr.Textbox(visible=HIDDEN), gr.Textbox(visible=HIDDEN)
    kept = {"album": editor.album, "current": current, **saving.kept}
    return PicturePane(
        dropping, files, folder, example, clear, clearing, progress, stop, timer, current, ended, taken, report,
        editor, saving, Draft("pictures", kept),
    )  # fmt: skip


def wire_pictures(
    text: Text, pane: PicturePane, who: list[Any], persona: Callable[..., Persona]
) -> Callable[[Any], Any]:
    """Wire the pane; `persona` makes one of the values of `who`. Returns what restores it after an event."""
    wire_editor(text, pane.editor)
    wire_saving(text, pane.saving, pane.editor, who, persona)
    wire_example(text, pane.example, pane.saving, pane.editor, who, persona)
    _wire_dropping(text, pane)
    _wire_ending(text, pane)
    _wire_clearing(text, pane)
    return lambda opened: _restored(text, pane, opened)


def _wire_dropping(text: Text, pane: PicturePane) -> None:
    @told
    def drop(language: str, name: str, files: list[str] | None) -> Any:
        if not files:
            return gr.skip()
        album = _album(name)
        begun = desk.start(album, [Path(file) for file in files])
        return {
            pane.editor.album: album,
            **pane.looking(begun, Look(), language),
            **pane.reporting(None, language),
        }

    @told
    def tick(language: str, current: str) -> Any:
        if not current:
            return gr.skip()
        look = _look(current)
        return {**pane.looking(current, look, language), **({} if look.live else {pane.ended: current})}

    @told
    def stop(language: str, current: str) -> dict[Any, Any]:
        given = desk.given(current)
        desk.discard(current)
        _forget(given)
        return {pane.files: None, **pane.looking("", None, language)}

    begun = [*pane.outputs, pane.editor.album, pane.taken, pane.report]
    for source in (pane.files, pane.folder):
        source.upload(drop, [text.language, pane.editor.album, source], begun, **PRIVATE)
    pane.timer.tick(tick, [text.language, pane.current], [*pane.outputs, pane.ended], **QUIET)
    pane.stop.click(stop, [text.language, pane.current], pane.outputs, **PRIVATE)


def _wire_ending(text: Text, pane: PicturePane) -> None:
    """What happens once, at the end of a look: in the queue, so that it can be told."""

    @told
    def end(
        language: str, ended: str, named: str | None, name: str, chosen: str, begin: float, silent: bool
    ) -> dict[Any, Any]:
        taken, given = None, desk.given(ended)
        try:
            taken = desk.finish(ended, name)
        except UserError as error:
            toast(error.sentence(language))
        _forget(given)
        album = albums.load(name)
        first = chosen or next(iter(taken.pictures if taken else []), "")
        return {
            pane.files: None,
            **pane.reporting(taken, language),
            **pane.editor.showing(album, language, first, int(begin), silent),
            **pane.saving.showing(album),
            pane.saving.name: named or dataset.free_name(sentence("pictures.example_name", language)),
        }

    outputs = [pane.files, pane.taken, pane.report, *pane.editor.outputs, *pane.saving.outputs]
    pane.ended.change(end, [text.language, pane.ended, pane.saving.name, *pane.editor.at], outputs, **PRIVATE)

    @told
    def report(language: str, name: str) -> dict[Any, Any]:
        try:
            return pane.reporting(albums.last(albums.load(name)), language)
        except UserError:
            return pane.reporting(None, language)

    changes = [text.language.change, pane.editor.album.change]
    gr.on(changes, report, [text.language, pane.editor.album], [pane.taken, pane.report], **QUIET)


def _wire_clearing(text: Text, pane: PicturePane) -> None:
    def clear(language: str) -> dict[Any, Any]:
        return {
            **pane.editor.showing(None, language),
            **pane.reporting(None, language),
            **pane.saving.showing(None),
            pane.saving.name: "",
            pane.saving.mixing: True,
            **pane.clearing.hide(),
        }

    @told
    def ask(language: str, name: str) -> dict[Any, Any]:
        try:
            album = albums.load(name)
        except UserError:
            return clear(language)
        if not album.talks and not album.raw:
            return clear(language)
        return pane.clearing.ask(picture_view.clearing(album, language))

    outputs = [
        *pane.editor.outputs, pane.taken, pane.report, *pane.saving.outputs, *pane.clearing.outputs
    ]  # fmt: skip
    pane.clear.click(ask, [text.language, pane.editor.album], outputs, **PRIVATE)
    pane.clearing.yes.click(told(clear), [text.language], outputs, **PRIVATE)


def _restored(text: Text, pane: PicturePane, opened: Any) -> Any:
    """After a reload the album is shown again; one that is gone is none."""

    def fill(_language: str, values: dict[str, Any]) -> dict[Any, Any]:
        return {pane.draft.fields[name]: value for name, value in values.items()}

    @told
    def show(language: str, name: str, only_silent: bool, current: str) -> Any:
        try:
            album = albums.load(name) if name else None
        except UserError:
            album = None
        saving = pane.saving.showing(album)
        del saving[pane.saving.repeat]  # which has been restored
        shown = pane.editor.showing(album, language, only_silent=only_silent)
        return {**shown, **saving, **(pane.looking(current, Look(), language) if current else {})}

    done = pane.draft.restore(opened, text.language, fill)
    outputs = [*pane.editor.outputs, *pane.saving.outputs, *pane.outputs]
    return done.then(show, [text.language, pane.editor.album, pane.editor.silent, pane.current], outputs, **PRIVATE)


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
