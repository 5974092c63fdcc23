"""A file becomes a dataset: choose it, see what was recognised and what is wrong, save. (Reading it: importing/.)"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from training import dataset
from training.errors import UserError
from training.home import home
from training.importing import desk
from training.importing.desk import Look
from training.persona import Persona
from training.sentences import sentence
from ui.confirm import Confirm, confirm
from ui.draft import Draft
from ui.edge import PRIVATE, QUIET, info, plain, toast, told
from ui.import_view import import_html
from ui.preview import View
from ui.preview_pane import PreviewPane
from ui.saved_datasets import SavedDatasets
from ui.text import Key, Text
from ui.visibility import HIDDEN, classes, seen

TICK = 0.7
"""Seconds between two looks at a file that is being read."""


@dataclass(frozen=True)
class ImportPane:
    """The pane's components."""

    file: gr.File
    name: gr.Textbox
    maker: gr.Textbox
    distinct: gr.Checkbox
    again: gr.Button
    current: gr.Textbox
    """The id of the import this visitor looks at; hidden. In the page, so that a reload finds it again."""
    report: gr.HTML
    timer: gr.Timer
    ending: gr.Column
    """Shown once there is something to save."""
    problems: gr.DownloadButton
    save_as: gr.Textbox
    save: gr.Button
    replacing: Confirm
    draft: Draft

    @property
    def options(self) -> list[Any]:
        return [self.file, self.name, self.maker, self.distinct]

    @property
    def outputs(self) -> list[Any]:
        return [
            self.current,
            self.report,
            self.timer,
            self.ending,
            self.again,
            self.problems,
            self.save_as,
            *self.replacing.outputs,
        ]

    def showing(self, current: str, look: Look | None, language: str) -> dict[Any, Any]:
        """Updates that show how the import stands; without one, none."""
        report = look.report if look else None
        good = bool(report and report.rows)
        return {
            self.current: current,
            self.report: gr.update(value=import_html(look, language) if look else "", visible=seen(look)),
            self.timer: gr.Timer(active=bool(look and look.live)),
            self.ending: gr.update(elem_classes=classes("pane", good)),
            self.again: gr.update(visible=seen(look and not look.live)),
            self.problems: gr.update(
                value=_list(current, language) if report and report.bad else None, visible=seen(report and report.bad)
            ),
            **self.replacing.hide(),
        }


def import_pane(text: Text) -> ImportPane:
    """Make the pane here; wire_importing() connects it."""
    with text.new(gr.Accordion, label=Key("import.title"), open=False, elem_classes="card"):
        text.new(gr.Markdown, value=Key("import.about"), elem_classes="card-text")
        file = text.new(gr.File, label=Key("import.file"), type="filepath", height=120, elem_classes="upload")
        with gr.Row(elem_classes="actions"):
            name = text.new(gr.Textbox, label=Key("import.name"), min_width=120)
            maker = text.new(gr.Textbox, label=Key("import.maker"), min_width=120)
        text.new(gr.Markdown, value=Key("import.name_info"), elem_classes="card-text")
        distinct = text.new(gr.Checkbox, label=Key("import.distinct"), value=False)
        again = text.new(gr.Button, value=Key("import.again"), size="sm", visible=HIDDEN)
        current, timer = gr.Textbox("", visible=HIDDEN), gr.Timer(TICK, active=False)
        report = gr.HTML(visible=HIDDEN)
        problems = text.new(gr.DownloadButton, label=Key("import.download"), size="sm", visible=HIDDEN)
        with gr.Column(elem_classes=classes("pane", False)) as ending:
            save_as = text.new(gr.Textbox, label=Key("dataset.save_as"))
            save = text.new(gr.Button, value=Key("import.save"), variant="primary")
        replacing = confirm(text, "dataset.replace_yes", "dataset.replace_no")
    kept = {"current": current, "save_as": save_as, "name": name, "maker": maker, "distinct": distinct}
    ending_with = (report, timer, ending, problems, save_as, save, replacing, Draft("import", kept))
    return ImportPane(file, name, maker, distinct, again, current, *ending_with)


def restoring(text: Text, pane: ImportPane, opened: Any) -> Any:
    """After the event `opened` a reload shows the import again, where it is still there; goes on as an event."""

    def fill(_language: str, values: dict[str, Any]) -> dict[Any, Any]:
        return {pane.draft.fields[name]: value for name, value in values.items()}

    @told
    def show(language: str, current: str, file: str | None) -> Any:
        if not current:
            return gr.skip()
        try:
            return _with_file(pane, file, pane.showing(current, desk.look(current), language))
        except UserError:
            return pane.showing("", None, language)

    done = pane.draft.restore(opened, text.language, fill)
    return done.then(show, [text.language, pane.current, pane.file], pane.outputs, **QUIET)


def _with_file(pane: ImportPane, file: str | None, shown: dict[Any, Any]) -> dict[Any, Any]:
    """After a reload the page has the file no more, which then cannot be read again."""
    return shown if file else {**shown, pane.again: gr.update(visible=HIDDEN)}


def wire_importing(text: Text, pane: ImportPane, preview: PreviewPane, saved: SavedDatasets) -> list[Any]:
    """Wire what the pane does; returns the events that save a dataset."""
    _wire_reading(text, pane)
    return _wire_saving(text, pane, preview, saved)


def _wire_reading(text: Text, pane: ImportPane) -> None:
    @told
    def read(language: str, current: str, file: str | None, name: str, maker: str, distinct: bool) -> dict[Any, Any]:
        try:
            who = Persona(name.strip(), maker.strip()).checked() if name.strip() or maker.strip() else None
        except UserError as error:  # once that is mended, the file is there to be read
            toast(error.sentence(language))
            return {pane.again: gr.update(visible=seen(file))}
        desk.discard(current)
        if not file:
            return pane.showing("", None, language)
        begun = desk.start(Path(file), who, distinct)
        return {
            **pane.showing(begun, Look(desk.Progress(0.0)), language),
            pane.save_as: dataset.free_name(Path(file).stem),
        }

    @told
    def tick(language: str, current: str, file: str | None) -> Any:
        if not current:
            return gr.skip()
        try:
            look = desk.look(current)
        except UserError as error:  # said once, in its place, and not at every tick
            look = Look(desk.Progress(0.0), error=error)
        return _with_file(pane, file, pane.showing(current, look, language))

    @told
    def gone(language: str, current: str) -> dict[Any, Any]:
        desk.discard(current)
        return pane.showing("", None, language)

    inputs = [text.language, pane.current]
    gr.on([pane.file.upload, pane.again.click], read, [*inputs, *pane.options], pane.outputs, **PRIVATE)
    pane.file.clear(gone, inputs, pane.outputs, **PRIVATE)
    pane.timer.tick(tick, [*inputs, pane.file], pane.outputs, **QUIET)
    text.language.change(tick, [*inputs, pane.file], pane.outputs, **QUIET)


def _wire_saving(text: Text, pane: ImportPane, preview: PreviewPane, saved: SavedDatasets) -> list[Any]:
    def save(language: str, name: str, current: str, file: str | None) -> dict[Any, Any]:
        desk.save(current, name)
        _forget(file)
        info(sentence("dataset.saved", language, name=name))
        return {
            **pane.showing("", None, language),
            **dict(zip(pane.options, (None, "", "", False))),
            preview.kind: "all",
            preview.name: name,
            **preview.showing(View(name=name).opened(language), language),
            **saved.saved(language, name),
        }

    @told
    def save_or_ask(language: str, current: str, file: str | None, typed: str) -> dict[Any, Any]:
        name = dataset.checked_name(typed or "")
        if name in dataset.names():
            return pane.replacing.ask(sentence("dataset.replace", language, name=plain(name)), name)
        return save(language, name, current, file)

    outputs = [*pane.options, *pane.outputs, *preview.outputs, *saved.outputs]
    read = [pane.current, pane.file]
    answered = [text.language, pane.replacing.subject, *read]
    return [
        pane.save.click(save_or_ask, [text.language, *read, pane.save_as], outputs, **PRIVATE),
        pane.replacing.yes.click(pane.replacing.about(save), answered, outputs, **PRIVATE),
    ]


def _list(current: str, language: str) -> str:
    """A copy of the list of problems that the page may hand out."""
    folder = home() / "cache" / "downloads" / current
    folder.mkdir(parents=True, exist_ok=True)
    source = desk.problem_list(current, language)
    return shutil.copyfile(source, folder / source.name).as_posix()


def _forget(file: str | None) -> None:
    """Remove the page's own copy of an uploaded file, which may be big; nothing else."""
    cache = home() / "cache"
    if file and Path(file).resolve().is_relative_to(cache.resolve()):
        Path(file).unlink(missing_ok=True)
