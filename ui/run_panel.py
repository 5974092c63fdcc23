"""One run, live: reads the run's folder, never the process. Reload, a second viewer or a restart lose nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from training import progress, runs
from training.errors import UserError
from training.sentences import sentence
from ui.confirm import Confirm, confirm
from ui.edge import PRIVATE, QUIET, plain, told
from ui.run_view import colours, curve, samples_html, status_html
from ui.text import Key, Text
from ui.visibility import HIDDEN, classes, seen

LOG_CHARACTERS = 20_000
SECONDS_BETWEEN_LOOKS = 2


@dataclass(frozen=True)
class RunPanel:
    """The panel's components. Which run is looked at is the value of `run`; everything else follows from the disk."""

    nothing: gr.Markdown
    something: gr.Column
    run: gr.Dropdown
    status: gr.HTML
    plot: gr.LinePlot
    samples: gr.HTML
    no_plot: gr.Markdown
    log: gr.HTML
    log_path: gr.Markdown
    stop: gr.Button
    chat: gr.Button
    """Goes on to the chat with this run's model; shown when there is one."""
    timer: gr.Timer
    shown: gr.State
    """Fingerprint of what the page shows, so that an unchanged run costs nothing."""

    @property
    def outputs(self) -> list[Any]:
        return [getattr(self, name) for name in self.__dataclass_fields__]

    def following(self, run: str | None, language: str) -> dict[Any, Any]:
        """Updates that look at `run`, with the list of runs as it is now."""
        choices = [(run_label(name, language), name) for name in runs.names()]
        return {
            self.run: gr.update(choices=choices, value=run),
            self.nothing: gr.update(visible=seen(not choices)),
            self.something: gr.update(elem_classes=classes("pane", choices)),
            **(self.rendered(run, language) if run else {self.timer: gr.Timer(active=False)}),
        }

    def rendered(self, run: str, language: str) -> dict[Any, Any]:
        """Updates that show everything about `run`."""
        folder = runs.folder(run)
        mark = progress.fingerprint(folder)  # taken first: what changes while we read is then read again
        status = runs.look(run)
        accumulation = runs.spec(run)["recipe"]["accumulation"]
        points = progress.points(folder, accumulation)
        return {
            self.shown: (run, mark),
            self.status: status_html(status, language),
            self.plot: gr.LinePlot(
                value=curve(points, language) if points else None,
                x=sentence("run.step", language),
                y=sentence("run.loss", language),
                color="series",
                color_title="",
                color_map=colours(language),
                visible=seen(points),
            ),
            self.samples: samples_html(progress.samples(folder, accumulation), language),
            self.no_plot: gr.update(visible=seen(not points)),
            self.log: f"<pre>{escape(progress.log_tail(folder, LOG_CHARACTERS))}</pre>",
            self.log_path: sentence("run.log_path", language, path=plain(str(folder / "run.log"))),
            self.stop: gr.update(visible=seen(status.live), interactive=status.phase != "stopping"),
            self.chat: gr.update(visible=seen(runs.merged(run))),
            self.timer: gr.Timer(active=status.live),
        }


def run_panel(text: Text) -> RunPanel:
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
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                text.new(gr.Markdown, value=Key("run.loss_title"), elem_classes="group-title")
                no_plot = text.new(gr.Markdown, value=Key("run.loss_none"), elem_classes="card-text", visible=HIDDEN)
                plot = gr.LinePlot(height=260, visible=HIDDEN, show_label=False, buttons=[])
            with gr.Column(min_width=320):
                text.new(gr.Markdown, value=Key("run.samples_title"), elem_classes="group-title")
                samples = gr.HTML()
        text.new(gr.Markdown, value=Key("run.log_title"), elem_classes="group-title")
        log = gr.HTML(elem_classes="log", autoscroll=False)
        log_path = gr.Markdown(elem_classes="plan")
    timer = gr.Timer(SECONDS_BETWEEN_LOOKS, active=False)
    panel = RunPanel(
        nothing, something, run, status, plot, samples, no_plot, log, log_path, stop, chat, timer, gr.State(None)
    )
    _wire_looking(text, panel)
    _wire_stopping(text, panel, stopping)
    return panel


def _wire_looking(text: Text, panel: RunPanel) -> None:
    @told
    def look(language: str, run: str | None) -> Any:
        return panel.rendered(run, language) if run else {panel.timer: gr.Timer(active=False)}

    @told
    def tick(language: str, run: str | None, shown: tuple[str, str] | None) -> Any:
        if not run:
            return gr.skip()
        if shown == (run, progress.fingerprint(runs.folder(run))):
            status = runs.look(run)
            if status.live:  # the clock goes on while a step takes its time
                return {panel.status: status_html(status, language)}
        return panel.rendered(run, language)

    @told
    def translate(language: str, run: str | None) -> Any:
        return panel.following(run, language)

    panel.run.input(look, [text.language, panel.run], panel.outputs, **PRIVATE)
    panel.timer.tick(tick, [text.language, panel.run, panel.shown], panel.outputs, **QUIET)
    text.language.change(translate, [text.language, panel.run], panel.outputs, **QUIET)


def _wire_stopping(text: Text, panel: RunPanel, stopping: Confirm) -> None:
    @told
    def ask(language: str) -> dict[Any, Any]:
        return stopping.ask(sentence("run.stop_ask", language))

    def stop(keep: bool) -> Any:
        @told
        def stopped(language: str, run: str) -> dict[Any, Any]:
            runs.stop(run, keep)
            return panel.following(run, language)

        return stopped

    panel.stop.click(ask, text.language, stopping.outputs, **QUIET)
    # The question goes at once; the last process may need some seconds to end.
    for button, keep in ((stopping.yes, False), (stopping.other, True)):
        hidden = button.click(_stopping_now, None, [stopping.box, panel.stop], **QUIET)
        hidden.then(stop(keep), [text.language, panel.run], panel.outputs, **PRIVATE)


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
