"""The end of an album: who the assistant is mixed in, a name, save; and the picture sets that are there already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from training import dataset
from training.errors import UserError
from training.eyes import album as albums
from training.eyes import binding, glance, picture_sets
from training.eyes.album import Album
from training.eyes.binding import Mix
from training.eyes.introductions import Counts
from training.persona import Persona
from training.sentences import sentence
from ui import picture_view
from ui.choosing import offered
from ui.confirm import Confirm, confirm
from ui.edge import PRIVATE, info, listed, plain, told, warning
from ui.picture_editor import PictureEditor
from ui.picture_writing import kept
from ui.text import Key, Text
from ui.visibility import HIDDEN, classes


@dataclass(frozen=True)
class PictureSaving:
    """The components."""

    card: gr.Column
    """Shown once there is something to save."""
    mixing: gr.Checkbox
    amount: gr.Slider
    repeat: gr.Number
    name: gr.Textbox
    save: gr.Button
    download: gr.DownloadButton
    problems: gr.Markdown
    replacing: Confirm
    sets: gr.Column
    """Shown once a set is saved."""
    chosen: gr.Dropdown
    open: gr.Button
    delete: gr.Button
    leaving: Confirm
    """Asked before another set takes the place of what is not saved."""
    deleting: Confirm

    @property
    def kept(self) -> dict[str, Any]:
        """What a reload may not lose."""
        return {"name": self.name, "mixing": self.mixing, "amount": self.amount, "repeat": self.repeat}

    @property
    def outputs(self) -> list[Any]:
        shown = [self.card, self.repeat, self.mixing, self.name, self.download, self.problems, self.sets, self.chosen]
        return [*shown, *self.replacing.outputs, *self.leaving.outputs, *self.deleting.outputs]

    def showing(self, album: Album | None) -> dict[Any, Any]:
        """Updates for another album, or for what has come to it."""
        something = bool(album and (album.pictures or album.talks))
        return {
            self.card: gr.update(elem_classes=classes("card", something)),
            self.repeat: album.repeat if album else 1,
            self.problems: gr.update(visible=HIDDEN),
            self.download: gr.update(**_handed_out(album.name if album else "")),
            **self.replacing.hide(),
            **self.leaving.hide(),
            **self.deleting.hide(),
        }

    def opening(self, album: Album) -> dict[Any, Any]:
        """The same for a set that was opened: where it says already who it is, nothing is mixed in once more."""
        return {self.name: album.name, self.mixing: album.persona is None, **self.showing(album)}

    def refreshed(self, name: str = "", chosen: str | None = None) -> dict[Any, Any]:
        """Updates that show which sets are there now, with `name` chosen if it is there, else what is `chosen`."""
        names = picture_sets.names()
        return {
            self.sets: gr.update(elem_classes=classes("card", names)),
            self.chosen: offered(names, chosen, name),
        }


def _handed_out(name: str) -> dict[str, Any]:
    place = glance.packed(name) if name in picture_sets.names() else None
    return {"value": place.as_posix() if place else None, "interactive": bool(place)}


def picture_saving(text: Text) -> PictureSaving:
    """Make the components here; wire_saving() connects them."""
    with gr.Column(elem_classes=classes("card", False)) as card:
        mixing = text.new(gr.Checkbox, label=Key("pictures.mixing"), info=Key("pictures.mixing_info"), value=True)
        amount = text.new(
            gr.Slider,
            label=Key("pictures.amount"),
            info=Key("pictures.amount_info"),
            minimum=5,
            maximum=200,
            step=5,
            value=binding.USUAL,
        )
        repeat = text.new(
            gr.Number, label=Key("pictures.repeat"), info=Key("pictures.repeat_info"), value=1, precision=0
        )
        name = text.new(gr.Textbox, label=Key("pictures.name"), placeholder=Key("pictures.name_example"))
        with gr.Row(elem_classes="actions"):
            save = text.new(gr.Button, value=Key("pictures.save"), variant="primary", min_width=110)
            download = text.new(gr.DownloadButton, label=Key("pictures.download"), interactive=False, min_width=110)
        problems = gr.Markdown(visible=HIDDEN, elem_classes="problems")
        text.takes_back(problems, visible=HIDDEN)
        replacing = confirm(text, "dataset.replace_yes", "dataset.replace_no")
    with gr.Column(elem_classes=classes("card", False)) as sets:
        chosen = text.new(gr.Dropdown, label=Key("pictures.sets"), choices=[])
        with gr.Row(elem_classes="actions"):
            opened = text.new(gr.Button, value=Key("pictures.open"), size="sm", min_width=80)
            deleted = text.new(gr.Button, value=Key("pictures.delete"), size="sm", min_width=80)
        leaving = confirm(text, "pictures.clear_yes", "dataset.delete_no")
        deleting = confirm(text, "dataset.delete_yes", "dataset.delete_no")
    ending = (card, mixing, amount, repeat, name, save, download, problems, replacing)
    return PictureSaving(*ending, sets, chosen, opened, deleted, leaving, deleting)


def lost(name: str, language: str) -> str:
    """The question before this album makes way for another one; "" where nothing would be lost."""
    try:
        album = albums.load(name)
    except UserError:
        return ""
    return picture_view.clearing(album, language) if album.talks or album.raw else ""


def wire_saving(
    text: Text, saving: PictureSaving, editor: PictureEditor, who: list[Any], persona: Callable[..., Persona]
) -> None:
    """Wire saving, opening and deleting; `persona` makes one of the values of `who`."""
    _wire_saving(text, saving, editor, who, persona)
    _wire_sets(text, saving, editor)


def _wire_saving(
    text: Text, saving: PictureSaving, editor: PictureEditor, who: list[Any], persona: Callable[..., Persona]
) -> None:
    def save(
        language: str, name: str, now: Album, mixing: bool, amount: float, repeat: float | None, *fields: Any
    ) -> dict[Any, Any]:
        mix = None
        if mixing:
            mix = Mix(persona(*fields), Counts(int(amount), int(amount), int(amount)))
            if wrong := mix.persona.problems():
                said = f"{sentence('pictures.who_missing', language)}\n{listed(wrong, language)}"
                return {saving.problems: gr.update(value=said, visible=True), **saving.replacing.hide()}
        binding.save(now, name, mix, int(repeat or 0))
        _say_saved(now, name, language)
        return {saving.name: name, **saving.showing(albums.load(now.id)), **saving.refreshed(name)}

    @told
    def save_or_ask(
        language: str, album: str, chosen: str, said: str, typed: str | None, *others: Any
    ) -> dict[Any, Any]:
        now, name = kept(album, chosen, said), dataset.checked_name(typed or "")
        if name in picture_sets.names() and name != now.name:
            return saving.replacing.ask(sentence("dataset.replace", language, name=plain(name)), name)
        return save(language, name, now, *others)

    def save_anyway(language: str, name: str, album: str, chosen: str, said: str, *others: Any) -> dict[Any, Any]:
        return save(language, name, kept(album, chosen, said), *others)

    written, settings = [editor.album, editor.chosen, editor.said], [saving.mixing, saving.amount, saving.repeat, *who]
    saving.save.click(save_or_ask, [text.language, *written, saving.name, *settings], saving.outputs, **PRIVATE)
    answered = [text.language, saving.replacing.subject, *written, *settings]
    saving.replacing.yes.click(saving.replacing.about(save_anyway), answered, saving.outputs, **PRIVATE)


def _say_saved(album: Album, name: str, language: str) -> None:
    counted = picture_sets.summary(picture_sets.load(name))
    info(sentence("pictures.saved", language, name=name, pictures=counted.pictures, talks=counted.talks))
    if mute := len(binding.silent(album)):
        warning(sentence("pictures.saved_without", language, pictures=mute))
    if album.raw:
        warning(sentence("pictures.saved_raw", language, pictures=len(album.raw)))


def _wire_sets(text: Text, saving: PictureSaving, editor: PictureEditor) -> None:
    def open_set(language: str, name: str) -> dict[Any, Any]:
        album = binding.opened(name)
        return {**editor.showing(album, language), **saving.opening(album)}

    @told
    def open_or_ask(language: str, name: str | None, album: str) -> dict[Any, Any]:
        if not name:
            raise UserError("picture_set_not_chosen")
        if question := lost(album, language):
            return saving.leaving.ask(question, name)
        return open_set(language, name)

    @told
    def ask(language: str, name: str | None) -> dict[Any, Any]:
        if not name:
            raise UserError("picture_set_not_chosen")
        return saving.deleting.ask(sentence("dataset.delete_ask", language, name=plain(name)), name)

    def delete(language: str, name: str, chosen: str | None) -> dict[Any, Any]:
        picture_sets.delete(name)
        info(sentence("dataset.deleted", language, name=name))
        return {
            saving.download: gr.update(**_handed_out("")),
            **saving.refreshed(chosen=chosen),
            **deleting.hide(),
        }

    leaving, deleting, outputs = saving.leaving, saving.deleting, [*editor.outputs, *saving.outputs]
    saving.open.click(open_or_ask, [text.language, saving.chosen, editor.album], outputs, **PRIVATE)
    leaving.yes.click(leaving.about(open_set), [text.language, leaving.subject], outputs, **PRIVATE)
    saving.delete.click(ask, [text.language, saving.chosen], saving.outputs, **PRIVATE)
    answered = [text.language, deleting.subject, saving.chosen]
    deleting.yes.click(deleting.about(delete), answered, saving.outputs, **PRIVATE)
