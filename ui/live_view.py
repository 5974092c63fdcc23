"""What the page shows of a run at one moment: the panel's components, and the updates they need. No events here."""

from __future__ import annotations

import time
from dataclasses import astuple, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from training import runs
from training.errors import UserError
from training.runs import progress, usage
from training.sentences import sentence
from ui.choosing import offered
from ui.curve import axes, colours, curve
from ui.exam_panel import ExamPanel
from ui.glimpse import Glimpse, glimpse
from ui.log_view import LogView
from ui.pace import SECONDS_BETWEEN_LOOKS
from ui.run_actions import RunActions
from ui.run_view import samples_html, status_html
from ui.visibility import classes, seen

GROWTH = 0.03
"""By which share a curve has grown when it is drawn again: a browser without a GPU takes half a second of a core for
it, which the training next to it would miss."""
LATEST = 20
"""Seconds after which it is drawn again however little it has grown: a long run's steps may be slow."""


@dataclass(frozen=True)
class Looking:
    """What a visitor wants to see of a run."""

    measure: str = "loss"
    """What is plotted."""
    follow: bool = True
    """Whether the log goes along with the run."""
    words: str = ""
    """What is looked for in the log."""
    scope: str = "all"
    """The language of the exam's questions, or all."""
    checkpoint: str | None = None
    """The one he chose to make the model; none is chosen for him."""
    point: str = ""
    """The one he chose to go on from; none is chosen for him."""

    @staticmethod
    def at(
        measure: str | None,
        follow: bool,
        words: str | None,
        scope: str | None,
        checkpoint: str | None,
        point: str | None,
    ) -> Looking:
        """From the components' values."""
        return Looking(measure or "loss", follow, (words or "").strip(), scope or "all", checkpoint, point or "")


@dataclass(frozen=True)
class RunPanel:
    """The panel's components. Which run is looked at is the value of `run`; everything else follows from the disk."""

    nothing: gr.Markdown
    something: gr.Column
    run: gr.Dropdown
    status: gr.HTML
    measure: gr.Radio
    plot: gr.LinePlot
    samples: gr.HTML
    no_plot: gr.Markdown
    exam: ExamPanel
    log: LogView
    actions: RunActions
    stop: gr.Button
    chat: gr.Button
    """Goes on to the chat with this run's model; shown when there is one."""
    timer: gr.Timer
    shown: gr.State
    """What the page shows of which moment, by part, so that what is unchanged costs nothing."""
    turned: gr.Textbox
    """Mark of what changes a few times in a run. A tick only notices it: Gradio 6.17 takes a millisecond for every
    output of an event, and most of this panel's stay as they are."""

    @property
    def outputs(self) -> list[Any]:
        own = [getattr(self, field.name) for field in fields(self) if field.name not in ("log", "exam", "actions")]
        return [
            *own,
            *self.exam.outputs,
            *self.actions.outputs,
            self.log.words,
            self.log.follow,
            self.log.text,
            self.log.note,
        ]

    @property
    def looking(self) -> list[Any]:
        """The components whose values make a Looking."""
        return [self.measure, self.log.follow, self.log.words, self.exam.scope, self.exam.wanted, self.actions.wanted]

    def following(
        self, run: str | None, language: str, looking: Looking | None = None, chosen: str | None = None
    ) -> dict[Any, Any]:
        """Updates that look at `run` (without `looking`: as one begins to), with the list of runs as it is now.

        `chosen`: the run that is looked at already.
        """
        choices = run_choices(language)
        begin = {} if looking else dict(zip(self.looking, astuple(Looking()), strict=True))
        for wanted in (self.exam.wanted, self.actions.wanted):  # which name their run
            begin.pop(wanted, None)
        return {
            **begin,
            self.run: offered(choices, chosen, None if run == chosen else run),
            self.nothing: gr.update(visible=seen(not choices)),
            self.something: gr.update(elem_classes=classes("pane", choices)),
            **(
                self.rendered(run, language, looking or Looking(), {}, glimpse(run))
                if run
                else {self.timer: gr.Timer(active=False)}
            ),
        }

    def turning(self, run: str, moment: Glimpse, shown: dict[str, Any]) -> str:
        """The mark that `turned` carries."""
        return repr((moment.rare, self.actions.gave_way(run), shown.get("pace")))

    def rendered(
        self, run: str, language: str, looking: Looking, shown: dict[str, Any], moment: Glimpse
    ) -> dict[Any, Any]:
        """Updates of whatever is not `shown` yet of this run, as it is at the moment of the glimpse."""
        marks, updates = self.flowing(run, language, looking, shown, moment)
        turned, pace = self.turning(run, moment, shown), shown.get("pace", SECONDS_BETWEEN_LOOKS[0])
        rare = (run, language, looking.scope, turned)
        if shown.get("rare") != rare:
            updates |= {self.timer: gr.Timer(pace, active=moment.status.live)}
            updates |= self._buttons(run, moment)
            updates |= self.exam.rendered(run, looking.scope, language, looking.checkpoint)
            updates |= self.actions.rendered(run, moment.status, language, looking.point)
            updates |= {self.no_plot: gr.update(visible=seen(not moment.curve))}
        return {**updates, self.shown: {**marks, "rare": rare, "pace": pace}, self.turned: turned}

    def flowing(
        self, run: str, language: str, looking: Looking, shown: dict[str, Any], moment: Glimpse
    ) -> tuple[dict[str, Any], dict[Any, Any]]:
        """The marks and updates of what changes with every step: status, curve, sample answers, log."""
        folder, now, spec = runs.folder(run), (run, language), runs.spec(run)
        accumulation, status = spec["recipe"]["accumulation"], moment.status
        held = (*now, looking.words)
        paused = not looking.follow and shown.get("log", ())[:3] == held
        marks = {
            "status": status_html(status, spec["recipe"], usage.look(status.pid, status.mark), language),
            "plot": _drawn(shown.get("plot"), (*now, looking.measure, status.phase), moment),
            "samples": _samples(folder, moment.curve, accumulation, language),
            "log": shown["log"] if paused else (*held, moment.log),
        }
        changed = {part for part, mark in marks.items() if shown.get(part) != mark}
        updates = {getattr(self, part): marks[part] for part in ("status", "samples") if part in changed}
        if "plot" in changed:
            table = curve(folder, moment.curve, accumulation, looking.measure, language)
            updates |= self._plotted(table, looking.measure, language)
        if "log" in changed:
            updates |= self.log.rendered(folder, looking.words, language)
        return marks, updates

    def _buttons(self, run: str, moment: Glimpse) -> dict[Any, Any]:
        status = moment.status
        return {
            self.stop: gr.update(
                visible=seen(status.live and status.phase != "queued"), interactive=status.phase != "stopping"
            ),
            self.chat: gr.update(visible=seen(moment.merged)),
        }

    def _plotted(self, table: Any, measure: str, language: str) -> dict[Any, Any]:
        there = table is not None and len(table) > 0
        x, y = axes(measure, language)
        drawn = gr.update(
            value=table if there else None,
            x=x,
            y=y,
            color="series",
            color_title="",
            color_map=colours(
                measure, language, there and set(table["series"]) <= set(colours(measure, language, True))
            ),
            visible=seen(there),
        )
        return {self.plot: drawn}


def _drawn(before: tuple[Any, ...] | None, held: tuple[str, ...], moment: Glimpse) -> tuple[Any, ...]:
    """The mark of the curve to be seen: the one from before while it has hardly grown."""
    step, now = moment.status.step, time.monotonic()
    if before and before[: len(held)] == held:
        curve, drawn, at = before[len(held) :]
        if curve == moment.curve or (now - at < LATEST and drawn <= step < drawn * (1 + GROWTH)):
            return before
    return (*held, moment.curve, step, now)


@lru_cache(maxsize=16)
def _samples(folder: Path, _mark: str, accumulation: int, language: str) -> str:
    return samples_html(progress.samples(folder, accumulation), language)


def run_choices(language: str) -> list[tuple[str, str]]:
    """All runs, as (label, value)."""
    return [(run_label(name, language), name) for name in runs.names()]


def run_label(run: str, language: str) -> str:
    """How a run is called in lists."""
    try:
        spec = runs.spec(run)
    except UserError:
        return run
    return sentence(
        "run.label",
        language,
        name=spec.get("name") or run,
        made=time.strftime("%m-%d %H:%M", time.localtime(spec.get("created", 0))),
    )
