"""Tab 1: who the assistant is -> conversations -> a saved dataset. (Files: import_pane.py.)"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from training import dataset
from training.distill import SUGGESTED
from training.errors import UserError
from training.identity import PLAIN, Shares
from training.persona import TONES, Persona
from training.sentences import LANGUAGES, sentence
from ui.confirm import Confirm, confirm
from ui.draft import Draft
from ui.edge import PRIVATE, QUIET, info, listed, plain, told
from ui.general_pane import GeneralPane, general_pane
from ui.import_pane import import_pane, restoring, wire_importing
from ui.mix_pane import mix_pane, wire_mixing
from ui.picture_pane import picture_pane, wire_pictures
from ui.preview import View
from ui.preview_pane import PreviewPane, preview_pane
from ui.saved_datasets import SavedDatasets, saved_datasets
from ui.text import Key, Text
from ui.visibility import HIDDEN, seen


@dataclass(frozen=True)
class DatasetTab:
    """What other tabs may hold on to."""

    view: gr.State
    """The View the visitor looks at; its `name` is the saved dataset."""
    next: gr.Button
    """Goes on to training with that dataset."""
    saved: SavedDatasets
    mixed: gr.Dropdown
    """Offers the saved datasets, too."""
    drafts: list[Draft]
    restore: Callable[[Any], Any]
    """(event) -> event: brings back what was entered before a reload."""


@dataclass(frozen=True)
class _Form:
    """Who the assistant is, in the order Persona wants it; then how many conversations, in the order of Shares."""

    name: gr.Textbox
    maker: gr.Textbox
    base: gr.Textbox
    languages: gr.CheckboxGroup
    tone: gr.Radio
    taboos: gr.Textbox
    facts: gr.Textbox
    rows: gr.Slider
    identity: gr.Slider
    near_miss: gr.Slider
    general: GeneralPane
    build: gr.Button
    problems: gr.Markdown

    @property
    def fields(self) -> list[Any]:
        return [*self.who, self.rows, self.identity, self.near_miss]

    @property
    def who(self) -> list[Any]:
        character = [self.tone, self.taboos, self.facts]
        return [self.name, self.maker, self.base, self.languages, *character]


def dataset_tab(text: Text) -> DatasetTab:
    """Make the tab's components here and wire them."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            form = _form(text)
            saved = saved_datasets(text)
            importing, mixing = import_pane(text), mix_pane(text)
        with gr.Column(scale=3, min_width=320):
            pane = preview_pane(text)
            replacing = confirm(text, "dataset.replace_yes", "dataset.replace_no")
    pictures = picture_pane(text)
    restore_pictures = wire_pictures(text, pictures, form.who, _persona)
    _wire_building(text, form, pane, replacing)
    _wire_opening(text, pane, replacing, saved)
    brought = [*wire_importing(text, importing, pane, saved), *wire_mixing(text, mixing, pane, saved)]
    for event in brought:  # what it was asked about is no longer what is looked at
        event.then(replacing.hide, None, replacing.box, **QUIET)
    _wire_saving(text, pane, replacing, saved)
    draft, restore = _drafting(text, form)

    def restore_all(opened: Any) -> Any:
        return restoring(text, importing, restore_pictures(restore(opened)))

    drafts = [draft, pictures.draft, importing.draft]
    return DatasetTab(pane.view, pane.next, saved, mixing.chosen, drafts, restore_all)


def _form(text: Text) -> _Form:
    with gr.Column(elem_classes="card"):
        text.new(gr.Markdown, value=Key("dataset.who"), elem_classes="card-title")
        return _Form(
            name=text.new(gr.Textbox, label=Key("dataset.name"), placeholder=Key("dataset.name_example")),
            maker=text.new(gr.Textbox, label=Key("dataset.maker"), placeholder=Key("dataset.maker_example")),
            base=text.new(
                gr.Textbox, label=Key("dataset.base"), info=Key("dataset.base_info"), value=Persona("", "").base
            ),
            languages=text.new(
                gr.CheckboxGroup,
                label=Key("dataset.languages"),
                choices=[(Key("app.zh"), "zh"), (Key("app.en"), "en")],
                value=["zh", "en"],
            ),
            **_character(text),
            **_shares(text),
            build=text.new(gr.Button, value=Key("dataset.build"), variant="primary"),
            problems=gr.Markdown(visible=HIDDEN, elem_classes="problems"),
        )


def _character(text: Text) -> dict[str, Any]:
    with text.new(gr.Accordion, label=Key("dataset.character"), open=False):
        tones = [(Key(f"dataset.tone_{tone}"), tone) for tone in TONES]
        tone = text.new(
            gr.Radio, label=Key("dataset.tone"), info=Key("dataset.tone_info"), choices=tones, value=TONES[0]
        )
        lines: dict[str, Any] = {
            field: text.new(
                gr.Textbox,
                label=Key(f"dataset.{field}"),
                info=Key(f"dataset.{field}_info"),
                placeholder=Key(f"dataset.{field}_example"),
                lines=2,
                max_lines=8,
            )
            for field in ("facts", "taboos")
        }
        return {"tone": tone, **lines}


def _shares(text: Text) -> dict[str, Any]:
    with text.new(gr.Accordion, label=Key("dataset.shares"), open=False):
        percent = {"minimum": 0, "maximum": 100, "step": 1}
        return {
            "rows": text.new(gr.Slider, label=Key("dataset.rows"), minimum=50, maximum=1000, step=10, value=PLAIN.rows),
            "identity": text.new(
                gr.Slider, label=Key("dataset.share_identity"), value=round(100 * PLAIN.identity), **percent
            ),
            "near_miss": text.new(
                gr.Slider,
                label=Key("dataset.share_near_miss"),
                info=Key("dataset.share_rest"),
                value=round(100 * PLAIN.near_miss),
                **percent,
            ),
            "general": general_pane(text),
        }


def _drafting(text: Text, form: _Form) -> tuple[Draft, Callable[[Any], Any]]:
    fields = {name: field for name, field in vars(form).items() if field in form.fields}
    draft = Draft("dataset", {**fields, "general": form.general.whose})

    def fill(language: str, values: dict[str, Any]) -> dict[Any, Any]:
        updates = {draft.fields[name]: value for name, value in values.items()}
        return {**updates, form.general.whose: form.general.choosing(values["general"], language)}

    def restore(opened: Any) -> Any:
        return form.general.follow(draft.restore(opened, text.language, fill).then, text.language)

    return draft, restore


def _wire_building(text: Text, form: _Form, pane: PreviewPane, replacing: Confirm) -> None:
    def wanted(fields: tuple[Any, ...]) -> tuple[Persona, Shares, list[UserError]]:
        persona, shares = _persona(*fields[:-3]), _wanted(*fields[-3:])
        return persona, shares, persona.problems() + shares.problems()

    @told
    def translate(language: str, shown: str | None, *fields: Any) -> Any:
        problems = wanted(fields)[-1] if shown else []
        return gr.update(value=listed(problems, language), visible=seen(problems))

    @told
    def build(language: str, now: View, typed: str | None, general: str | None, *fields: Any) -> dict[Any, Any]:
        persona, shares, problems = wanted(fields)
        if problems:
            return {form.problems: gr.update(value=listed(problems, language), visible=True)}
        suggested = dataset.free_name(persona.name)
        new = View(persona.checked(), shares, general or SUGGESTED, suggested=suggested).opened(language)
        name = suggested if (typed or "").strip() in ("", now.suggested, now.name) else typed
        return {
            form.problems: gr.update(visible=HIDDEN),
            pane.kind: "all",
            pane.name: name,
            **pane.showing(new, language),
            **replacing.hide(),
        }

    gr.on(
        [form.build.click, form.name.submit, form.maker.submit, form.base.submit],
        build,
        [text.language, pane.view, pane.name, form.general.whose, *form.fields],
        [form.problems, *pane.outputs, *replacing.outputs],
        **PRIVATE,
    )
    text.language.change(translate, [text.language, form.problems, *form.fields], form.problems, **QUIET)


def _wire_saving(text: Text, pane: PreviewPane, replacing: Confirm, saved: SavedDatasets) -> None:
    def save(language: str, name: str, now: View) -> dict[Any, Any]:
        if now.persona:
            dataset.save(name, now.rows(), now.persona, {"general": now.general} if now.general else None)
        else:
            dataset.copy(now.name, name)
        info(sentence("dataset.saved", language, name=name))
        return {
            pane.name: name,
            **pane.showing(replace(now, name=name), language),
            **replacing.hide(),
            **saved.saved(language, name),
        }

    @told
    def save_or_ask(language: str, now: View, typed: str | None) -> dict[Any, Any]:
        name = dataset.checked_name(typed or "")
        if name in dataset.names() and name != now.name:
            return replacing.ask(sentence("dataset.replace", language, name=plain(name)), name)
        return save(language, name, now)

    outputs = [*pane.outputs, *replacing.outputs, *saved.outputs]
    answered = [text.language, replacing.subject, pane.view]
    pane.save.click(save_or_ask, [text.language, pane.view, pane.name], outputs, **PRIVATE)
    replacing.yes.click(replacing.about(save), answered, outputs, **PRIVATE)


def _wire_opening(text: Text, pane: PreviewPane, replacing: Confirm, saved: SavedDatasets) -> None:
    @told
    def open_saved(language: str, name: str | None) -> dict[Any, Any]:
        if not name:
            raise UserError("dataset_not_chosen")
        opened = View(name=name).opened(language)
        return {pane.kind: "all", pane.name: name, **pane.showing(opened, language), **replacing.hide()}

    outputs = [*pane.outputs, *replacing.outputs]
    saved.open.click(open_saved, [text.language, saved.chosen], outputs, **PRIVATE)


def _wanted(rows: float, identity: float, near_miss: float) -> Shares:
    return Shares(int(rows), identity / 100, near_miss / 100)


def _persona(
    name: str, maker: str, base: str, languages: list[str], tone: str | None, taboos: str | None, facts: str | None
) -> Persona:
    spoken = tuple(code for code in LANGUAGES if code in languages)
    lines = [tuple((text or "").splitlines()) for text in (taboos, facts)]
    return Persona(name or "", maker or "", base or "", spoken, tone or TONES[0], *lines)
