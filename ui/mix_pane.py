"""Several saved datasets into one: which, how much of each, what comes out, save. (Mixing: training/mix.py.)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from training import dataset
from training import mix as mixes
from training.errors import UserError
from training.sentences import sentence
from ui.confirm import Confirm, confirm
from ui.edge import PRIVATE, QUIET, info, plain, told
from ui.preview import View
from ui.preview_pane import PreviewPane
from ui.saved_datasets import SavedDatasets
from ui.text import Key, Text
from ui.visibility import HIDDEN

MOST = 5
"""Datasets that can be mixed on the page; the command line knows no limit."""


@dataclass(frozen=True)
class MixPane:
    """The pane's components."""

    chosen: gr.Dropdown
    ratios: list[gr.Slider]
    distinct: gr.Checkbox
    outcome: gr.Markdown
    name: gr.Textbox
    save: gr.Button
    replacing: Confirm


def mix_pane(text: Text) -> MixPane:
    """Make the pane here; wire_mixing() connects it."""
    with text.new(gr.Accordion, label=Key("mix.title"), open=False, elem_classes="card"):
        text.new(gr.Markdown, value=Key("mix.about"), elem_classes="card-text")
        chosen = text.new(
            gr.Dropdown, label=Key("mix.choose"), choices=[], multiselect=True, max_choices=MOST, value=[]
        )
        ratios = [gr.Slider(0.05, 5, 1, step=0.05, label="-", visible=HIDDEN) for _ in range(MOST)]
        distinct = text.new(gr.Checkbox, label=Key("mix.distinct"), value=False)
        outcome = gr.Markdown(elem_classes="counts")
        name = text.new(gr.Textbox, label=Key("dataset.save_as"))
        save = text.new(gr.Button, value=Key("mix.save"), variant="primary")
        replacing = confirm(text, "dataset.replace_yes", "dataset.replace_no")
    return MixPane(chosen, ratios, distinct, outcome, name, save, replacing)


def wire_mixing(text: Text, pane: MixPane, preview: PreviewPane, saved: SavedDatasets) -> list[Any]:
    """Wire what the pane does; returns the events that save a dataset."""
    _wire_choosing(text, pane, saved)
    return _wire_saving(text, pane, preview, saved)


def _wire_choosing(text: Text, pane: MixPane, saved: SavedDatasets) -> None:
    @told
    def offer(_language: str, chosen: list[str]) -> Any:
        known = dataset.names()
        return gr.update(choices=known, value=[name for name in chosen if name in known])

    @told
    def choose(language: str, chosen: list[str], typed: str, *ratios: float) -> dict[Any, Any]:
        labels = [f"{name} ({mixes.summary(name).rows})" for name in chosen]
        shown = [gr.update(label=label, visible=True) for label in labels]
        hidden = [gr.update(visible=HIDDEN, value=1)] * (MOST - len(shown))
        return {
            **dict(zip(pane.ratios, shown + hidden)),
            pane.outcome: _outcome(chosen, ratios, language),
            pane.name: typed or dataset.free_name("-".join([*chosen, "mix"])) if len(chosen) > 1 else typed,
        }

    @told
    def weigh(language: str, chosen: list[str], *ratios: float) -> Any:
        return _outcome(chosen, ratios, language)

    # The list of saved datasets is refreshed, and changes, whenever there is another one.
    saved.chosen.change(offer, [text.language, pane.chosen], [pane.chosen], **QUIET)
    pane.chosen.change(
        choose,
        [text.language, pane.chosen, pane.name, *pane.ratios],
        [*pane.ratios, pane.outcome, pane.name],
        **PRIVATE,
    )
    gr.on(
        [text.language.change, *(slider.change for slider in pane.ratios)],
        weigh,
        [text.language, pane.chosen, *pane.ratios],
        pane.outcome,
        trigger_mode="always_last",
        **QUIET,
    )


def _outcome(chosen: list[str], ratios: tuple[float, ...], language: str) -> str:
    """What the mix would consist of, in words."""
    if not chosen:
        return ""
    found = mixes.forecast(_parts(chosen, ratios))
    said = [sentence("mix.rows", language, rows=found.rows)]
    if found.identity:
        share = f"{found.identity / max(1, found.rows):.0%}"
        said.append(sentence("mix.kinds", language, identity=found.identity, share=share, others=found.others))
    if found.unknown and found.identity:
        said.append(sentence("mix.unknown", language, rows=found.unknown))
    if len(found.people) > 1:
        people = sentence("app.comma", language).join(plain(name) for name in found.people)
        said.append(sentence("mix.two_people", language, people=people))
    return "<br>".join(said)


def _parts(chosen: list[str], ratios: tuple[float, ...]) -> dict[str, float]:
    return dict(zip(chosen, ratios))


def _wire_saving(text: Text, pane: MixPane, preview: PreviewPane, saved: SavedDatasets) -> list[Any]:
    def save(language: str, typed: str, chosen: list[str], distinct: bool, *ratios: float) -> dict[Any, Any]:
        name = dataset.checked_name(typed or "")
        mixes.mix(name, _parts(chosen, ratios), distinct=distinct)
        info(sentence("dataset.saved", language, name=name))
        return {
            pane.name: "",
            preview.kind: "all",
            preview.name: name,
            **preview.showing(View(name=name).opened(language), language),
            **saved.refreshed(language, name),
            **pane.replacing.hide(),
        }

    @told
    def save_or_ask(language: str, typed: str, chosen: list[str], *others: Any) -> dict[Any, Any]:
        if not chosen:
            raise UserError("mix_nothing")
        name = dataset.checked_name(typed or "")
        if name in dataset.names():
            return pane.replacing.ask(sentence("dataset.replace", language, name=plain(name)))
        return save(language, name, chosen, *others)

    outputs = [pane.name, *preview.outputs, *saved.outputs, *pane.replacing.outputs]
    inputs = [text.language, pane.name, pane.chosen, pane.distinct, *pane.ratios]
    return [
        pane.save.click(save_or_ask, inputs, outputs, **PRIVATE),
        pane.replacing.yes.click(told(save), inputs, outputs, **PRIVATE),
    ]
