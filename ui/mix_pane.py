"""Several saved datasets into one: which, how much of each, what comes out, save. (Mixing: training/mixing.py.)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from training import dataset, mixing
from training import mix as mixes
from training.errors import UserError
from training.mixing import Look
from training.sentences import sentence
from ui.confirm import Confirm, confirm
from ui.edge import PRIVATE, QUIET, info, plain, told
from ui.import_view import progress_html
from ui.preview import View
from ui.preview_pane import PreviewPane
from ui.saved_datasets import SavedDatasets
from ui.text import Key, Text
from ui.visibility import HIDDEN, seen

MOST = 5
"""Datasets that can be mixed on the page; the command line knows no limit."""
TICK = 0.7
"""Seconds between two looks at a mix that is being written."""


@dataclass(frozen=True)
class MixPane:
    """The pane's components."""

    chosen: gr.Dropdown
    weighed: gr.Textbox
    """The datasets whose ratios the sliders show, a line each; hidden, so that it comes along with these."""
    ratios: list[gr.Slider]
    distinct: gr.Checkbox
    outcome: gr.Markdown
    name: gr.Textbox
    save: gr.Button
    replacing: Confirm
    current: gr.State
    """The id of the mix that is being written for this visitor."""
    progress: gr.HTML
    stop: gr.Button
    timer: gr.Timer
    made: gr.Textbox
    """The id of the mix that has ended; hidden, its change is what the rest of the page hears."""

    @property
    def outputs(self) -> list[Any]:
        return [self.current, self.progress, self.stop, self.timer, self.save]

    def showing(self, current: str, look: Look | None, language: str) -> dict[Any, Any]:
        """Updates that show how the mix stands; without one, none."""
        live = bool(look and look.live)
        said = ""
        if look and look.live:
            words = sentence("mix.mixing", language, rows=f"{look.rows:,}", of=f"{look.of:,}" if look.of else "...")
            said = progress_html(escape(words), look.share)
        return {
            self.current: current if live else "",
            self.progress: gr.update(value=said, visible=seen(live)),
            self.stop: gr.update(visible=seen(live)),
            self.timer: gr.Timer(active=live),
            self.save: gr.update(interactive=not live),
        }


def mix_pane(text: Text) -> MixPane:
    """Make the pane here; wire_mixing() connects it."""
    with text.new(gr.Accordion, label=Key("mix.title"), open=False, elem_classes="card"):
        text.new(gr.Markdown, value=Key("mix.about"), elem_classes="card-text")
        chosen = text.new(
            gr.Dropdown, label=Key("mix.choose"), choices=[], multiselect=True, max_choices=MOST, value=[]
        )
        weighed = gr.Textbox("", visible=HIDDEN)
        ratios = [gr.Slider(0.05, 5, 1, step=0.05, label="-", visible=HIDDEN) for _ in range(MOST)]
        distinct = text.new(gr.Checkbox, label=Key("mix.distinct"), value=False)
        outcome = gr.Markdown(elem_classes="counts")
        name = text.new(gr.Textbox, label=Key("dataset.save_as"))
        save = text.new(gr.Button, value=Key("mix.save"), variant="primary")
        replacing = confirm(text, "dataset.replace_yes", "dataset.replace_no")
        current, timer = gr.State(""), gr.Timer(TICK, active=False)
        progress = gr.HTML(visible=HIDDEN)
        stop = text.new(gr.Button, value=Key("mix.stop"), size="sm", visible=HIDDEN)
        made = gr.Textbox(visible=HIDDEN)
    return MixPane(
        chosen, weighed, ratios, distinct, outcome, name, save, replacing, current, progress, stop, timer, made
    )


def wire_mixing(text: Text, pane: MixPane, preview: PreviewPane, saved: SavedDatasets) -> list[Any]:
    """Wire what the pane does; returns the events that save a dataset."""
    _wire_choosing(text, pane, saved)
    return _wire_saving(text, pane, preview, saved)


def _wire_choosing(text: Text, pane: MixPane, saved: SavedDatasets) -> None:
    @told
    def offer(_language: str, chosen: list[str]) -> Any:
        known = dataset.names()
        there = [name for name in chosen if name in known]
        # What is chosen is not sent while it exists: he may have chosen more by then.
        return gr.update(choices=known) if there == chosen else gr.update(choices=known, value=there)

    @told
    def choose(language: str, chosen: list[str], typed: str, weighed: str, *ratios: float) -> dict[Any, Any]:
        before = dict(zip(weighed.splitlines(), ratios))
        kept = [before.get(name, 1) for name in chosen]
        labels = [f"{name} ({mixes.summary(name).rows})" for name in chosen]
        shown = [gr.update(label=label, value=ratio, visible=True) for label, ratio in zip(labels, kept)]
        hidden = [gr.update(visible=HIDDEN, value=1)] * (MOST - len(shown))
        suggested = len(chosen) > 1 and not typed
        named = {pane.name: dataset.free_name("-".join([*chosen, "mix"]))} if suggested else {}
        return {
            pane.weighed: "\n".join(chosen),
            **dict(zip(pane.ratios, shown + hidden)),
            pane.outcome: _outcome(chosen, kept, language),
            **named,
        }

    @told
    def weigh(language: str, chosen: list[str], *ratios: float) -> Any:
        return _outcome(chosen, ratios, language)

    # The list of saved datasets is refreshed, and changes, whenever there is another one.
    saved.chosen.change(offer, [text.language, pane.chosen], [pane.chosen], **QUIET)
    pane.chosen.change(
        choose,
        [text.language, pane.chosen, pane.name, pane.weighed, *pane.ratios],
        [pane.weighed, *pane.ratios, pane.outcome, pane.name],
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


def _outcome(chosen: list[str], ratios: Sequence[float], language: str) -> str:
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


def _parts(chosen: list[str], ratios: Sequence[float]) -> dict[str, float]:
    return dict(zip(chosen, ratios))


def _wire_saving(text: Text, pane: MixPane, preview: PreviewPane, saved: SavedDatasets) -> list[Any]:
    def begin(language: str, name: str, chosen: list[str], distinct: bool, *ratios: float) -> dict[Any, Any]:
        begun = mixing.start(name, _parts(chosen, ratios), distinct=distinct)
        return {**pane.showing(begun, Look(), language), **pane.replacing.hide()}

    @told
    def begin_or_ask(language: str, typed: str, chosen: list[str], *others: Any) -> dict[Any, Any]:
        if not chosen:
            raise UserError("mix_nothing")
        name = dataset.checked_name(typed or "")
        if name in dataset.names():
            return pane.replacing.ask(sentence("dataset.replace", language, name=plain(name)), name)
        return begin(language, name, chosen, *others)

    outputs = [*pane.outputs, *pane.replacing.outputs]
    parts = [pane.chosen, pane.distinct, *pane.ratios]
    answered = [text.language, pane.replacing.subject, *parts]
    pane.save.click(begin_or_ask, [text.language, pane.name, *parts], outputs, **PRIVATE)
    pane.replacing.yes.click(pane.replacing.about(begin), answered, outputs, **PRIVATE)
    _wire_watching(text, pane)
    return [_wire_ending(text, pane, preview, saved)]


def _wire_watching(text: Text, pane: MixPane) -> None:
    @told
    def tick(language: str, current: str) -> Any:
        if not current:
            return gr.skip()
        look = mixing.look(current)
        return {**pane.showing(current, look, language), **({} if look.live else {pane.made: current})}

    @told
    def stop(language: str, current: str) -> dict[Any, Any]:
        mixing.discard(current)
        return pane.showing("", None, language)

    inputs = [text.language, pane.current]
    pane.timer.tick(tick, inputs, [*pane.outputs, pane.made], **QUIET)
    pane.stop.click(stop, inputs, pane.outputs, **PRIVATE)


def _wire_ending(text: Text, pane: MixPane, preview: PreviewPane, saved: SavedDatasets) -> Any:
    """What happens once, at the end of a mix: in the queue, so that it can be told."""

    @told
    def end(language: str, ended: str) -> dict[Any, Any]:
        name = mixing.finish(ended)
        info(sentence("dataset.saved", language, name=name))
        return {
            pane.name: "",
            preview.kind: "all",
            preview.name: name,
            **preview.showing(View(name=name).opened(language), language),
            **saved.saved(language, name),
        }

    outputs = [pane.name, *preview.outputs, *saved.outputs]
    return pane.made.change(end, [text.language, pane.made], outputs, **PRIVATE)
