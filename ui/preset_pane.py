"""Presets on the Train tab: the form's settings under a name, loaded again, handed out as a file and taken from one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from training import presets
from training.errors import UserError
from training.files import write_text
from training.home import home
from training.preset_file import FIELDS, Preset, written
from training.recipe import Recipe
from training.sentences import sentence
from ui.choosing import offered
from ui.confirm import Confirm, confirm
from ui.draft import Draft
from ui.edge import PRIVATE, info, plain, told
from ui.plan import suggestion
from ui.recipe_form import as_text, form_fields, problems, recipe_of, values
from ui.text import Key, Text


@dataclass(frozen=True)
class PresetPane:
    """The pane's components."""

    section: gr.Accordion
    chosen: gr.Dropdown
    load: gr.Button
    download: gr.DownloadButton
    delete: gr.Button
    name: gr.Textbox
    save: gr.Button
    upload: gr.UploadButton
    deleting: Confirm
    replacing: Confirm

    @property
    def outputs(self) -> list[Any]:
        shown = [self.chosen, self.load, self.download, self.delete]
        return [*shown, *self.deleting.outputs, *self.replacing.outputs]

    def refreshed(self, chosen: str | None = None, name: str | None = None) -> dict[Any, Any]:
        """Updates that show what is there now, with `name` chosen if it is one of them, else what is `chosen`."""
        known = presets.names()
        now = next((each for each in (name, chosen, *known) if each in known), None)
        return {
            self.chosen: offered(known, chosen, name),
            self.load: gr.update(interactive=bool(now)),
            self.delete: gr.update(interactive=bool(now)),
            self.download: gr.update(**_handed_out(now)),
            **self.deleting.hide(),
            **self.replacing.hide(),
        }


def preset_pane(text: Text) -> PresetPane:
    """Make the pane here; wire_presets() connects it to the form."""
    with text.new(gr.Accordion, label=Key("presets.title"), open=False, elem_classes="card") as section:
        text.new(gr.Markdown, value=Key("presets.info"), elem_classes="card-text")
        with gr.Row(elem_classes="actions level"):
            chosen = text.new(gr.Dropdown, label=Key("presets.choose"), choices=[], min_width=240)
            load = text.new(gr.Button, value=Key("presets.load"), size="sm", scale=0, min_width=150, interactive=False)
            download = text.new(
                gr.DownloadButton, label=Key("presets.download"), size="sm", scale=0, min_width=130, interactive=False
            )
            delete = text.new(
                gr.Button, value=Key("presets.delete"), size="sm", scale=0, min_width=90, interactive=False
            )
        deleting = confirm(text, "presets.delete_yes", "presets.no")
        with gr.Row(elem_classes="actions level"):
            name = text.new(
                gr.Textbox,
                label=Key("presets.name"),
                placeholder=Key("presets.name_example"),
                max_lines=1,
                min_width=240,
            )
            save = text.new(gr.Button, value=Key("presets.save"), size="sm", scale=0, min_width=150)
            upload = text.new(
                gr.UploadButton,
                label=Key("presets.upload"),
                file_types=[".json"],
                type="filepath",
                size="sm",
                scale=0,
                min_width=220,
            )
        replacing = confirm(text, "presets.replace_yes", "presets.no")
    return PresetPane(section, chosen, load, download, delete, name, save, upload, deleting, replacing)


def wire_presets(text: Text, pane: PresetPane, draft: Draft, explain: dict[str, Any]) -> None:
    """Connect the pane to the form, whose components are fields of `draft`. What was loaded is then explained."""
    refresh = told(lambda _language, chosen: pane.refreshed(chosen))
    choosing = [text.language, pane.chosen]
    pane.section.expand(refresh, choosing, pane.outputs, **PRIVATE)
    pane.chosen.input(refresh, choosing, pane.outputs, trigger_mode="always_last", **PRIVATE)
    _wire_loading(text, pane, draft, explain)
    _wire_saving(text, pane, [draft.fields[field] for field in form_fields()])
    _wire_deleting(text, pane)


def _wire_loading(text: Text, pane: PresetPane, draft: Draft, explain: dict[str, Any]) -> None:
    @told
    def load(language: str, name: str | None, model: str | None, data: str | None) -> dict[Any, Any]:
        preset = presets.load(_chosen(name))
        recipe = replace(Recipe(), **preset.settings)
        if model and data:  # what the preset does not say is suggested
            recipe = suggestion(model, data, **preset.settings)
        shown = dict(zip(form_fields(), values(recipe), strict=True))
        info(sentence("presets.loaded", language, name=preset.name))
        # Settings that nobody suggested are the visitor's own: they stay when another dataset is chosen.
        suggested = [None if field in preset.settings else value for field, value in shown.items()]
        return {
            pane.name: preset.name,
            draft.fields["suggested"]: as_text(suggested),
            **{draft.fields[field]: value for field, value in shown.items() if field in FIELDS},
        }

    inputs = [text.language, pane.chosen, draft.fields["model"], draft.fields["dataset"]]
    outputs = [pane.name, draft.fields["suggested"], *(draft.fields[field] for field in form_fields())]
    pane.load.click(load, inputs, outputs, **PRIVATE).then(**explain)


def _wire_saving(text: Text, pane: PresetPane, form: list[Any]) -> None:
    def save(replacing: bool) -> Any:
        def saved(language: str, name: str | None, *entered: Any) -> dict[Any, Any]:
            recipe = recipe_of(entered, language)
            for problem in problems(recipe, language):
                raise problem
            preset = Preset(name or "", presets.settings_of(recipe))
            try:
                place = presets.save(preset, replacing)
            except UserError as error:
                if error.code != "preset_taken":
                    raise
                taken = str(error.details["name"])
                return pane.replacing.ask(sentence("presets.replace", language, name=plain(taken)), taken)
            info(sentence("presets.saved", language, name=place.stem))
            return pane.refreshed(name=place.stem)

        return saved

    @told
    def uploaded(language: str, file: str) -> dict[Any, Any]:
        try:
            preset = presets.read(Path(file))
        finally:
            _forget(Path(file))
        name = presets.add(preset)
        key = "presets.added" if name == preset.name else "presets.added_as"
        info(sentence(key, language, name=name, taken=preset.name))
        return pane.refreshed(name=name)

    answered = [text.language, pane.replacing.subject, *form]
    pane.save.click(told(save(False)), [text.language, pane.name, *form], pane.outputs, **PRIVATE)
    pane.replacing.yes.click(pane.replacing.about(save(True)), answered, pane.outputs, **PRIVATE)
    pane.upload.upload(uploaded, [text.language, pane.upload], pane.outputs, **PRIVATE)


def _wire_deleting(text: Text, pane: PresetPane) -> None:
    @told
    def ask(language: str, name: str | None) -> dict[Any, Any]:
        return pane.deleting.ask(sentence("presets.delete_ask", language, name=plain(_chosen(name))), name)

    def delete(language: str, name: str, chosen: str | None) -> dict[Any, Any]:
        presets.delete(name)
        info(sentence("presets.deleted", language, name=name))
        return pane.refreshed(chosen)

    pane.delete.click(ask, [text.language, pane.chosen], pane.deleting.outputs, **PRIVATE)
    answered = [text.language, pane.deleting.subject, pane.chosen]
    pane.deleting.yes.click(pane.deleting.about(delete), answered, pane.outputs, **PRIVATE)


def _chosen(name: str | None) -> str:
    if not name:
        raise UserError("preset_not_chosen")
    return name


def _handed_out(name: str | None) -> dict[str, Any]:
    """A copy of the preset's file that the page may hand out; none of a file that cannot be read."""
    try:
        preset = presets.load(name or "")
    except UserError:
        return {"value": None, "interactive": False}
    folder = home() / "cache" / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / f"{preset.name}.json", written(preset))
    return {"value": (folder / f"{preset.name}.json").as_posix(), "interactive": True}


def _forget(file: Path) -> None:
    """Remove the page's own copy of an uploaded file; nothing else."""
    if file.resolve().is_relative_to((home() / "cache").resolve()):
        file.unlink(missing_ok=True)
