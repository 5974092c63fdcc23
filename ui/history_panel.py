"""Earlier runs: a table to choose from; two or more are compared, what is chosen is renamed, reused or removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import gradio as gr

from training import runs
from training.runs import progress
from training.sentences import sentence
from ui.confirm import Confirm, confirm
from ui.curve import COLOURS, axes, overlaid
from ui.edge import PRIVATE, info, plain, told
from ui.history import Entry, differences_html, disk_said, entries, labels, megabytes, table_html
from ui.live_view import Looking, RunPanel
from ui.run_panel import first_run
from ui.text import Key, Text
from ui.visibility import classes

_CHOOSING = """
element.addEventListener("change", () => trigger("select", {
  runs: [...element.querySelectorAll("input:checked")].map((box) => box.dataset.run)
}));
element.addEventListener("click", (event) => {
  const name = event.target.closest("button[data-run]");
  if (name) trigger("click", {run: name.dataset.run});
});
"""


@dataclass(frozen=True)
class HistoryPanel:
    """The components."""

    chosen: gr.State
    """Ids of the runs whose boxes are ticked."""
    disk: gr.Markdown
    table: gr.HTML
    one: gr.Column
    name: gr.Textbox
    note: gr.Textbox
    several: gr.Column
    plot: gr.LinePlot
    differ: gr.HTML
    some: gr.Row

    @property
    def outputs(self) -> list[Any]:
        return [getattr(self, field.name) for field in fields(self)]

    def refreshed(self, language: str, chosen: list[str]) -> dict[Any, Any]:
        """Updates that show all runs as they are now; what was chosen stays chosen while it exists."""
        found = entries()
        there = [entry.run for entry in found if entry.run in chosen]
        return {
            self.disk: disk_said(found, language),
            self.table: table_html(found, there, language),
            **self.choosing(language, there, found),
        }

    def choosing(self, language: str, chosen: list[str], found: list[Entry] | None = None) -> dict[Any, Any]:
        """Updates that show what can be done with the chosen runs."""
        picked = [entry for entry in (entries(chosen) if found is None else found) if entry.run in chosen]
        updates: dict[Any, Any] = {
            self.chosen: [entry.run for entry in picked],
            self.some: gr.update(elem_classes=classes("actions", picked)),
            self.one: gr.update(elem_classes=classes("pane", len(picked) == 1)),
            self.several: gr.update(elem_classes=classes("pane", len(picked) > 1)),
        }
        if len(picked) == 1:
            updates |= {self.name: picked[0].name, self.note: str(picked[0].spec.get("note") or "")}
        if len(picked) > 1:
            updates |= {self.plot: _compared(picked, language), self.differ: differences_html(picked, language)}
        return updates


def history_panel(text: Text) -> tuple[gr.Accordion, HistoryPanel, dict[str, Any]]:
    """Make the section here; returns it, its components and its buttons by name."""
    with text.new(gr.Accordion, label=Key("history.title"), open=False, elem_classes="card") as section:
        disk = gr.Markdown(elem_classes="plan")
        table = gr.HTML(js_on_load=_CHOOSING)
        with gr.Row(elem_classes=classes("actions", False)) as some:
            clean = text.new(gr.Button, value=Key("history.clean"), size="sm", scale=0, min_width=110)
            delete = text.new(gr.Button, value=Key("history.delete"), size="sm", scale=0, min_width=90)
        asked = {
            "clean": confirm(text, "history.clean_yes", "history.no"),
            "delete": confirm(text, "history.delete_yes", "history.no"),
        }
        with gr.Column(elem_classes=classes("pane", False)) as one:
            with gr.Row():
                name = text.new(gr.Textbox, label=Key("history.name"), max_lines=1, min_width=200)
                note = text.new(gr.Textbox, label=Key("history.note"), lines=1, max_lines=6, scale=2, min_width=240)
            with gr.Row(elem_classes="actions"):
                save = text.new(gr.Button, value=Key("history.save"), size="sm", scale=0, min_width=90)
                copy = text.new(gr.Button, value=Key("history.copy"), size="sm", scale=0, min_width=170)
        with gr.Column(elem_classes=classes("pane", False)) as several, gr.Row(equal_height=False):
            plot = gr.LinePlot(height=260, show_label=False, buttons=[], min_width=320)
            differ = gr.HTML(min_width=320)
    panel = HistoryPanel(gr.State([]), disk, table, one, name, note, several, plot, differ, some)
    return section, panel, {"copy": copy, "clean": clean, "delete": delete, "save": save, "asked": asked}


def _compared(picked: list[Entry], language: str) -> gr.LinePlot:
    names = labels(picked)
    lines = {
        names[entry.run]: progress.points(runs.folder(entry.run), entry.spec["recipe"].get("accumulation") or 1)
        for entry in picked
    }
    drawn = {name: points for name, points in lines.items() if points}
    x, y = axes("loss", language)
    return gr.LinePlot(
        value=overlaid(drawn, language) if drawn else None,
        x=x,
        y=y,
        color="series",
        color_title="",
        color_map=dict(zip(names.values(), COLOURS)),
    )


def wire(
    text: Text,
    section: gr.Accordion,
    panel: HistoryPanel,
    buttons: dict[str, Any],
    open_run: Callable[[str, str], dict[Any, Any]],
    run_outputs: list[Any],
    copied: Callable[[str, str], dict[Any, Any]],
    form_outputs: list[Any],
    explain: dict[str, Any],
) -> list[Any]:
    """Wire the section. `open_run` (run, language) shows a run above; `copied` (run, language) fills in the form, which
    is then explained.

    Returns the events that rename or remove runs, for wire_following().
    """

    @told
    def refresh(language: str, chosen: list[str]) -> Any:
        updates = panel.refreshed(language, chosen)
        if updates[panel.chosen] == chosen:  # whose name and note are being written, perhaps
            updates = {part: update for part, update in updates.items() if part not in (panel.name, panel.note)}
        return updates

    @told
    def choose(language: str, event: gr.EventData) -> Any:
        return panel.choosing(language, list(event.runs))

    @told
    def look(language: str, event: gr.EventData) -> Any:
        return open_run(str(event.run), language)

    @told
    def save(language: str, chosen: list[str], name: str | None, note: str | None) -> Any:
        runs.rename(chosen[0], name or "")
        runs.note(chosen[0], note or "")
        info(sentence("history.saved", language))
        return panel.refreshed(language, chosen)

    @told
    def copy(language: str, chosen: list[str]) -> Any:
        updates = copied(chosen[0], language)
        info(sentence("history.copied", language))
        return updates

    seeing = [text.language, panel.chosen]
    section.expand(refresh, seeing, panel.outputs, **PRIVATE)
    text.language.change(refresh, seeing, panel.outputs, **PRIVATE)
    panel.table.select(choose, text.language, panel.outputs, trigger_mode="always_last", **PRIVATE)
    panel.table.click(look, text.language, run_outputs, scroll_to_output=True, **PRIVATE)
    buttons["copy"].click(copy, seeing, form_outputs, **PRIVATE).then(**explain)
    return [
        buttons["save"].click(save, [*seeing, panel.name, panel.note], panel.outputs, **PRIVATE),
        *(
            _wire_removing(text, panel, buttons[what], what, buttons["asked"][what], removing)
            for what, removing in (("clean", _cleaned), ("delete", _deleted))
        ),
    ]


def wire_following(text: Text, changed: list[Any], above: RunPanel) -> None:
    """After these events the panel above shows its run as it is called now; another one where that is gone."""

    @told
    def followed(language: str, run: str | None, *looking: Any) -> dict[Any, Any]:
        return above.following(first_run(run), language, Looking.at(*looking), run)

    for event in changed:
        event.then(followed, [text.language, above.run, *above.looking], above.outputs, **PRIVATE)


def _wire_removing(
    text: Text,
    panel: HistoryPanel,
    button: gr.Button,
    what: str,
    question: Confirm,
    removing: Callable[[list[str]], int],
) -> Any:
    """Returns the event that removes."""

    @told
    def ask(language: str, chosen: list[str]) -> Any:
        picked = entries(chosen)
        names = sentence("app.comma", language).join(plain(entry.name) for entry in picked)
        size = megabytes(sum(entry.size for entry in picked))
        return question.ask(sentence(f"history.{what}_ask", language, names=names, size=size), chosen)

    def remove(language: str, asked: list[str], chosen: list[str]) -> Any:
        info(sentence("history.freed", language, size=megabytes(removing(asked))))
        return {**panel.refreshed(language, chosen), **question.hide()}

    button.click(ask, [text.language, panel.chosen], question.outputs, **PRIVATE)
    answered, outputs = [text.language, question.subject, panel.chosen], [*panel.outputs, *question.outputs]
    return question.yes.click(question.about(remove), answered, outputs, **PRIVATE)


def _cleaned(chosen: list[str]) -> int:
    return sum(runs.clean_up(run) for run in chosen)


def _deleted(chosen: list[str]) -> int:
    freed = 0
    for run in chosen:
        size = runs.size(run)
        runs.delete(run)
        freed += size
    return freed
