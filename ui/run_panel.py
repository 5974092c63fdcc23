"""One run, live: reads the run's folder, never the process. Reload, a second viewer or a restart lose nothing."""

from __future__ import annotations

from typing import Any

import gradio as gr

from serving.stage import Stage
from training import runs
from ui.confirm import confirm
from ui.curve import MEASURES
from ui.edge import PRIVATE, QUIET, told
from ui.exam_panel import exam_panel, wire
from ui.glimpse import glimpse, shared_glimpse
from ui.live_view import Looking, RunPanel
from ui.log_view import log_view
from ui.pace import SECONDS_BETWEEN_LOOKS, Pace
from ui.run_actions import queueing, run_actions
from ui.run_actions import wire as wire_actions
from ui.stopping import wire_stopping
from ui.text import Key, Text
from ui.visibility import HIDDEN, classes


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
        actions, queue = run_actions(text, stage), queueing(text)
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
        timer=gr.Timer(SECONDS_BETWEEN_LOOKS[0], active=False),
        shown=gr.State({}),
        turned=gr.Textbox(visible=HIDDEN),  # a gr.State tells no change that comes without a queue
    )
    _wire_looking(text, panel)
    wire_stopping(text, panel, stopping)
    wire(text, report, run)

    def followed(chosen: str, language: str, seen_now: str | None, *looking: Any) -> dict[Any, Any]:
        return panel.following(chosen, language, Looking.at(*looking), seen_now)

    wire_actions(text, stage, actions, queue, run, panel.looking, followed, panel.outputs)
    return panel


def _wire_looking(text: Text, panel: RunPanel) -> None:
    pace = Pace()

    @told
    def look(language: str, run: str | None, shown: dict[str, Any], *looking: Any) -> Any:
        if not run:
            return {panel.timer: gr.Timer(active=False)}
        return panel.rendered(run, language, Looking.at(*looking), shown, glimpse(run))

    @told
    def tick(language: str, request: gr.Request, run: str | None, shown: dict[str, Any], *looking: Any) -> Any:
        if not run:
            return gr.skip()
        moment, shown = shared_glimpse(run), {**shown, "pace": pace.looked(request.session_hash or "")}
        marks, updates = panel.flowing(run, language, Looking.at(*looking), shown, moment)
        updates.pop(panel.log.note, None)
        marks["turned"] = panel.turning(run, moment, shown)
        if not updates and shown.get("turned") == marks["turned"]:
            return gr.skip()  # nothing happened since the last look
        return {**updates, panel.shown: {**shown, **marks}, panel.turned: marks["turned"]}

    @told
    def translate(language: str, run: str | None, *looking: Any) -> Any:
        return panel.following(run, language, Looking.at(*looking), run)

    seeing = [text.language, panel.run, panel.shown, *panel.looking]
    panel.run.input(look, seeing, panel.outputs, trigger_mode="always_last", **PRIVATE)
    often = [panel.shown, panel.turned, panel.status, panel.plot, panel.samples, panel.log.text]
    panel.timer.tick(tick, seeing, often, **QUIET)
    gr.on(
        [panel.turned.change, panel.measure.input, panel.log.follow.input, panel.log.words.submit],
        look,
        seeing,
        panel.outputs,
        trigger_mode="always_last",
        **QUIET,
    )
    panel.log.words.input(
        # An emptied field is a wish to see the log again; a half typed word is no wish yet.
        lambda language, run, shown, *looking: gr.skip() if looking[2] else look(language, run, shown, *looking),
        seeing,
        panel.outputs,
        trigger_mode="always_last",
        **QUIET,
    )
    text.language.change(translate, [text.language, panel.run, *panel.looking], panel.outputs, **QUIET)


def first_run(chosen: str | None) -> str | None:
    """The run to look at: the one that was chosen, else the one that runs, else the newest."""
    known = runs.names()
    return chosen if chosen in known else runs.active() or (known[0] if known else None)
