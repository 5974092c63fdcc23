"""One run, live: reads the run's folder, never the process. Reload, a second viewer or a restart lose nothing."""

from __future__ import annotations

import time
from dataclasses import astuple, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr

from serving.stage import Stage
from training import runs
from training.errors import UserError
from training.runs import progress, usage
from training.sentences import sentence
from ui.confirm import Confirm, confirm
from ui.curve import MEASURES, axes, colours, curve
from ui.edge import PRIVATE, QUIET, told
from ui.exam_panel import ExamPanel, exam_panel, wire
from ui.glimpse import SECONDS_BETWEEN_LOOKS, Glimpse, glimpse, shared_glimpse
from ui.log_view import LogView, log_view
from ui.run_actions import RunActions, queueing, run_actions
from ui.run_actions import wire as wire_actions
from ui.run_view import samples_html, status_html
from ui.text import Key, Text
from ui.visibility import HIDDEN, classes, seen


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

    @staticmethod
    def at(measure: str | None, follow: bool, words: str | None, scope: str | None) -> Looking:
        """From the components' values."""
        return Looking(measure or "loss", follow, (words or "").strip(), scope or "all")


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
        return [self.measure, self.log.follow, self.log.words, self.exam.scope]

    def following(self, run: str | None, language: str, looking: Looking | None = None) -> dict[Any, Any]:
        """Updates that look at `run` (without `looking`: as one begins to), with the list of runs as it is now."""
        choices = [(run_label(name, language), name) for name in runs.names()]
        begin = {} if looking else dict(zip(self.looking, astuple(Looking()), strict=True))
        return {
            **begin,
            self.run: gr.update(choices=choices, value=run),
            self.nothing: gr.update(visible=seen(not choices)),
            self.something: gr.update(elem_classes=classes("pane", choices)),
            **(
                self.rendered(run, language, looking or Looking(), {}, glimpse(run))
                if run
                else {self.timer: gr.Timer(active=False)}
            ),
        }

    def rendered(
        self, run: str, language: str, looking: Looking, shown: dict[str, Any], moment: Glimpse
    ) -> dict[Any, Any]:
        """Updates of whatever is not `shown` yet of this run, as it is at the moment of the glimpse."""
        marks, updates = self.flowing(run, language, looking, shown, moment)
        rare = (run, language, looking.scope, moment.rare)
        if shown.get("rare") != rare:
            updates |= self._buttons(run, moment) | self.exam.rendered(run, looking.scope, language)
            updates |= self.actions.rendered(run, moment.status, language)
            updates |= {self.no_plot: gr.update(visible=seen(not moment.curve))}
        return {**updates, self.shown: {**marks, "rare": rare}, self.turned: moment.rare}

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
            "plot": (*now, looking.measure, moment.curve),
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
            self.timer: gr.Timer(active=status.live),
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
            color_map=colours(measure, language),
            visible=seen(there),
        )
        return {self.plot: drawn}


@lru_cache(maxsize=16)
def _samples(folder: Path, _mark: str, accumulation: int, language: str) -> str:
    return samples_html(progress.samples(folder, accumulation), language)


def run_panel(text: Text, stage: Stage) -> RunPanel:
    """Make the panel here and wire it."""
    text.new(gr.Markdown, value=Key("run.title"), elem_classes="section-title")
    nothing = text.new(gr.Markdown, value=Key("run.nothing"), elem_classes="empty", visible=HIDDEN)
    with gr.Column(elem_classes=classes("pane", False)) as something:
        with gr.Row(elem_classes="actions run-head"):
            run = text.new(gr.Dropdown, label=Key("run.choose"), choices=[], scale=3, min_width=240)
            stop = text.new(gr.Button, value=Key("run.stop"), visible=HIDDEN, scale=0, min_width=120)
            chat = text.new(gr.Button, value=Key("run.next"), variant="primary", visible=HIDDEN, scale=0, min_width=180)
        stopping = confirm(text, "run.stop_yes", "run.stop_no", "run.stop_keep")
        status = gr.HTML()
        actions, queue = run_actions(text), queueing(text)
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                measure = text.new(
                    gr.Radio,
                    label=Key("run.measure"),
                    choices=[(Key(f"run.{measure}"), measure) for measure in MEASURES],
                    value=MEASURES[0],
                    show_label=False,
                    container=False,
                    elem_classes="inline",
                )
                no_plot = text.new(gr.Markdown, value=Key("run.loss_none"), elem_classes="card-text", visible=HIDDEN)
                plot = gr.LinePlot(height=260, visible=HIDDEN, show_label=False, buttons=[])
            with gr.Column(min_width=320):
                text.new(gr.Markdown, value=Key("run.samples_title"), elem_classes="group-title")
                samples = gr.HTML()
        report = exam_panel(text)
        log = log_view(text)
    panel = RunPanel(
        nothing=nothing,
        something=something,
        run=run,
        status=status,
        measure=measure,
        plot=plot,
        samples=samples,
        no_plot=no_plot,
        exam=report,
        log=log,
        actions=actions,
        stop=stop,
        chat=chat,
        timer=gr.Timer(SECONDS_BETWEEN_LOOKS, active=False),
        shown=gr.State({}),
        turned=gr.Textbox(visible=HIDDEN),  # a gr.State tells no change that comes without a queue
    )
    _wire_looking(text, panel)
    _wire_stopping(text, panel, stopping)
    wire(text, report, run)
    wire_actions(text, stage, actions, queue, run, panel.following, panel.outputs)
    return panel


def _wire_looking(text: Text, panel: RunPanel) -> None:
    @told
    def look(language: str, run: str | None, shown: dict[str, Any], *looking: Any) -> Any:
        if not run:
            return {panel.timer: gr.Timer(active=False)}
        return panel.rendered(run, language, Looking.at(*looking), shown, glimpse(run))

    @told
    def tick(language: str, run: str | None, shown: dict[str, Any], *looking: Any) -> Any:
        if not run:
            return gr.skip()
        moment = shared_glimpse(run)
        marks, updates = panel.flowing(run, language, Looking.at(*looking), shown, moment)
        updates.pop(panel.log.note, None)
        return {**updates, panel.shown: {**shown, **marks}, panel.turned: moment.rare}

    @told
    def translate(language: str, run: str | None, *looking: Any) -> Any:
        return panel.following(run, language, Looking.at(*looking))

    seeing = [text.language, panel.run, panel.shown, *panel.looking]
    panel.run.input(look, seeing, panel.outputs, **PRIVATE)
    often = [panel.shown, panel.turned, panel.status, panel.plot, panel.samples, panel.log.text]
    panel.timer.tick(tick, seeing, often, **QUIET)
    gr.on(
        [panel.turned.change, panel.measure.input, panel.log.follow.input, panel.log.words.submit],
        look,
        seeing,
        panel.outputs,
        **QUIET,
    )
    panel.log.words.input(
        # An emptied field is a wish to see the log again; a half typed word is no wish yet.
        lambda language, run, shown, *looking: gr.skip() if looking[2] else look(language, run, shown, *looking),
        seeing,
        panel.outputs,
        **QUIET,
    )
    text.language.change(translate, [text.language, panel.run, *panel.looking], panel.outputs, **QUIET)


def _wire_stopping(text: Text, panel: RunPanel, stopping: Confirm) -> None:
    @told
    def ask(language: str) -> dict[Any, Any]:
        return stopping.ask(sentence("run.stop_ask", language))

    def stop(keep: bool) -> Any:
        @told
        def stopped(language: str, run: str, *looking: Any) -> dict[Any, Any]:
            runs.stop(run, keep)
            return panel.following(run, language, Looking.at(*looking))

        return stopped

    panel.stop.click(ask, text.language, stopping.outputs, **QUIET)
    # The question goes at once; the last process may need some seconds to end.
    for button, keep in ((stopping.yes, False), (stopping.other, True)):
        hidden = button.click(_stopping_now, None, [stopping.box, panel.stop], **QUIET)
        hidden.then(stop(keep), [text.language, panel.run, *panel.looking], panel.outputs, **PRIVATE)


def _stopping_now() -> tuple[Any, Any]:
    return gr.update(elem_classes=classes("confirm", False)), gr.update(interactive=False)


def first_run(chosen: str | None) -> str | None:
    """The run to look at: the one that was chosen, else the one that runs, else the newest."""
    known = runs.names()
    return chosen if chosen in known else runs.active() or (known[0] if known else None)


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
