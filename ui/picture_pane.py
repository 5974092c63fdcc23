"""Pictures and what is said about them become a picture set: drop, look, write, save. (The album: training/eyes/.)"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from training import dataset
from training.errors import UserError
from training.eyes import album as albums
from training.eyes import binding, example
from training.eyes.album import Album
from training.eyes.gathering.desk import Look
from training.persona import Persona
from training.sentences import sentence
from ui import picture_view
from ui.confirm import Confirm, confirm
from ui.draft import Draft
from ui.edge import PRIVATE, QUIET, info, told
from ui.picture_dropping import PictureDropping, picture_dropping, wire_dropping
from ui.picture_editor import PictureEditor, picture_editor
from ui.picture_saving import PictureSaving, lost, picture_saving, wire_saving
from ui.picture_writing import wire_editor
from ui.text import Key, Text
from ui.visibility import HIDDEN, classes

Who = Callable[..., Persona]
"""Makes a persona of the values of the form."""


@dataclass(frozen=True)
class PicturePane:
    """The pane's parts."""

    dropping: PictureDropping
    clearing: Confirm
    editor: PictureEditor
    saving: PictureSaving
    draft: Draft


def picture_pane(text: Text) -> PicturePane:
    """Make the pane here; wire_pictures() connects it."""
    with text.new(gr.Accordion, label=Key("pictures.title"), open=False, elem_classes="card"):
        text.new(gr.Markdown, value=Key("pictures.about"), elem_classes="card-text")
        with gr.Row(equal_height=False):
            with gr.Column(scale=2, min_width=300):
                dropping = picture_dropping(text)
                clearing = confirm(text, "pictures.clear_yes", "dataset.delete_no")
                saving = picture_saving(text)
            with gr.Column(scale=3, min_width=320):
                editor = picture_editor(text)
    kept = {"album": editor.album, "current": dropping.current, **saving.kept}
    return PicturePane(dropping, clearing, editor, saving, Draft("pictures", kept))


def wire_pictures(text: Text, pane: PicturePane, who: list[Any], persona: Who) -> Callable[[Any], Any]:
    """Wire the pane; `persona` makes one of the values of `who`. Returns what restores it after an event."""
    wire_editor(text, pane.editor)
    wire_dropping(text, pane.dropping, pane.editor, pane.saving)
    wire_saving(text, pane.saving, pane.editor, who, persona)
    _wire_leaving(text, pane, who, persona)
    return lambda opened: _restored(text, pane, opened)


def _wire_leaving(text: Text, pane: PicturePane, who: list[Any], persona: Who) -> None:
    """Beginning anew, and the examples. What would be lost is asked for first."""

    def leave(language: str, way: str, *fields: Any) -> Iterator[dict[Any, Any]]:
        if way == "clear":
            yield _cleared(pane, language)
            return
        waiting = picture_view.waiting_html("pictures.example_drawing", language)
        yield {
            # Nothing may be dropped into an album that is about to go.
            pane.dropping.idle: gr.update(elem_classes=classes("pane", False)),
            pane.dropping.progress: gr.update(value=waiting, visible=True),
            **pane.clearing.hide(),
        }
        album = _drawn(persona(*fields), language)
        yield {
            **pane.editor.showing(album, language),
            **pane.saving.opening(album),
            **pane.saving.refreshed(album.name),
        }

    def asking(way: str) -> Any:
        @told
        def ask(language: str, album: str, *fields: Any) -> Iterator[dict[Any, Any]]:
            if way == "draw":
                _check(persona(*fields), language)
            if question := lost(album, language):
                yield pane.clearing.ask(question, way)
            else:
                yield from leave(language, way, *fields)

        return ask

    dropping, clearing = pane.dropping, pane.clearing
    shown = [*pane.editor.outputs, *pane.saving.outputs, *clearing.outputs, dropping.idle, dropping.progress]
    inputs, answered = [text.language, pane.editor.album, *who], [text.language, clearing.subject, *who]
    dropping.clear.click(asking("clear"), inputs, shown, **PRIVATE)
    drawn = dropping.example.click(asking("draw"), inputs, shown, **PRIVATE)
    left = clearing.yes.click(clearing.about(leave), answered, shown, **PRIVATE)
    for event in (drawn, left):
        event.then(lambda: _at_rest(dropping), None, [dropping.idle, dropping.progress], **QUIET)
    # Another album is another question.
    pane.editor.album.change(clearing.hide, None, clearing.box, **QUIET)


def _at_rest(dropping: PictureDropping) -> dict[Any, Any]:
    return {
        dropping.idle: gr.update(elem_classes=classes("pane", True)),
        dropping.progress: gr.update(visible=HIDDEN),
    }


def _check(asked: Persona, language: str) -> None:
    if wrong := asked.problems():
        raise UserError("example_who", problems=" ".join(each.sentence(language) for each in wrong))


def _drawn(asked: Persona, language: str) -> Album:
    """The example set, drawn and saved, as an album."""
    _check(asked, language)
    name = dataset.free_name(f"{dataset.suggested_name(asked.name)}-{sentence('pictures.example_name', language)}")
    example.save(name, asked)
    info(sentence("pictures.example_saved", language, name=name))
    return binding.opened(name)


def _cleared(pane: PicturePane, language: str) -> dict[Any, Any]:
    return {
        **pane.editor.showing(None, language),
        **pane.saving.showing(None),
        pane.saving.name: "",
        pane.saving.mixing: True,
        **pane.clearing.hide(),
    }


def _restored(text: Text, pane: PicturePane, opened: Any) -> Any:
    """After a reload the album is shown again, and what was being looked at goes on; what is gone is gone."""

    def fill(_language: str, values: dict[str, Any]) -> dict[Any, Any]:
        return {pane.draft.fields[name]: value for name, value in values.items()}

    @told
    def show(language: str, name: str, only_silent: bool, current: str) -> Any:
        if not name:  # a quick visitor may have begun already: what he sees is left alone
            return pane.saving.refreshed()
        try:
            album = albums.load(name)
        except UserError:
            album = None
        saving = {**pane.saving.showing(album), **pane.saving.refreshed(album.name if album else "")}
        del saving[pane.saving.repeat]  # which has been restored
        going_on = pane.dropping.looking(current, Look(), language) if current and album else {}
        return {**pane.editor.showing(album, language, only_silent=only_silent), **saving, **going_on}

    done = pane.draft.restore(opened, text.language, fill)
    inputs = [text.language, pane.editor.album, pane.editor.silent, pane.dropping.current]
    outputs = [*pane.editor.outputs, *pane.saving.outputs, *pane.dropping.outputs]
    return done.then(show, inputs, outputs, **PRIVATE)
