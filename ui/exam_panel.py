"""The exam of the run that is looked at: verdict, table, plot, and another checkpoint as the model. Reads the disk."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gradio as gr

from training import exam, merge, runs
from training.errors import UserError
from training.exam import ALL, certificate, parity, recommendation
from training.home import home
from training.runs import progress, remaking
from training.sentences import LANGUAGES, sentence
from ui.at_work import at_work
from ui.edge import PRIVATE, QUIET, info, told
from ui.report_card import card_html, colours, parity_html, rates, sees, verdict_html
from ui.text import Key, Text
from ui.visibility import HIDDEN, classes, seen


@dataclass(frozen=True)
class ExamPanel:
    """The components."""

    box: gr.Column
    none: gr.Markdown
    verdict: gr.HTML
    scope: gr.Radio
    table: gr.HTML
    plot: gr.LinePlot
    others: gr.Row
    checkpoint: gr.Dropdown
    wanted: gr.Textbox
    """The checkpoint that the visitor chose. Not the list itself: Gradio refuses a choice that has gone meanwhile, and
    whatever looks at a run reads this."""
    make: gr.Button
    papers: gr.Row
    html: gr.DownloadButton
    markdown: gr.DownloadButton
    picture: gr.DownloadButton

    @property
    def outputs(self) -> list[Any]:
        return [getattr(self, field.name) for field in fields(self)]

    def rendered(self, run: str, scope: str, language: str, wanted: str | None) -> dict[Any, Any]:
        """Updates that show what there is of the exam; the `wanted` checkpoint stays chosen while it exists."""
        folder = runs.folder(run)
        reports = exam.load(folder)
        there = bool(reports)
        quiet = "exam.none" if exam.there_is(folder, runs.spec(run)) else "exam.no_persona"
        quiet = "exam.outdated" if exam.outdated(folder) else quiet
        updates = {
            self.none: gr.update(value=sentence(quiet, language, run=run), visible=seen(not there)),
            self.box: gr.update(elem_classes=classes("report wide" if sees(reports) else "report", there)),
        }
        return updates | (self._shown(run, reports, scope or ALL, language, wanted) if there else {})

    def _shown(
        self, run: str, reports: list[exam.Report], scope: str, language: str, wanted: str | None
    ) -> dict[Any, Any]:
        folder = runs.folder(run)
        chosen, made = recommendation.load(folder), runs.merged(run)
        kept = merge.origin(made).get("step", 0) if made else 0
        verdict = verdict_html(chosen, language) if chosen else ""
        steps = [
            (sentence("exam.step", language, step=step), _named(run, iteration))
            for iteration, step in remaking.choices(run)
            if step != kept
        ]
        drawn = gr.LinePlot(
            value=rates(reports, scope, language),
            x=sentence("run.step", language),
            y="%",
            color="series",
            color_title="",
            color_map=colours(reports, language),
            y_lim=[0, 100],
        )
        papers = [_copy(file, run) for file in certificate.files(folder)]
        downloads = zip((self.html, self.markdown, self.picture), papers)
        return {
            **{button: gr.update(value=paper) for button, paper in downloads},
            self.papers: gr.update(elem_classes=classes("actions", papers)),
            self.verdict: verdict + parity_html(parity.load(folder), language),
            self.table: card_html(reports, chosen, kept, scope, language),
            self.plot: drawn,
            self.others: gr.update(elem_classes=classes("actions others", steps and not runs.look(run).live)),
            **self._offered(steps, wanted),
        }

    def _offered(self, steps: list[tuple[str, str]], wanted: str | None) -> dict[Any, Any]:
        """None is chosen for the visitor: an answer that comes late would undo his own choice."""
        gone = {} if wanted in {None, "", *(value for _, value in steps)} else {"value": None}
        return {self.checkpoint: gr.update(choices=steps, **gone), self.wanted: gr.update(**gone)}


def _named(run: str, iteration: int) -> str:
    """A checkpoint as a choice: another run's, with as many iterations, is not the one that was chosen."""
    return f"{run}/{iteration}"


def mark(run: str) -> tuple[Any, ...]:
    """Changes whenever there is something new to show."""
    folder, live = runs.folder(run), runs.look(run).live
    made = runs.merged(run)
    return (
        progress.exam_mark(folder),
        live,
        bool(certificate.files(folder)),
        made.stat().st_mtime_ns if made else 0,
    )


def exam_panel(text: Text) -> ExamPanel:
    """Make the components here; wire() has to follow."""
    text.new(gr.Markdown, value=Key("exam.title"), elem_classes="group-title")
    none = gr.Markdown(elem_classes="card-text")
    with gr.Column(elem_classes=classes("report", False)) as box:
        verdict = gr.HTML()
        scope = text.new(
            gr.Radio,
            label=Key("exam.scope"),
            choices=[(Key(f"exam.scope_{scope}"), scope) for scope in (ALL, *LANGUAGES)],
            value=ALL,
            show_label=False,
            container=False,
            elem_classes="inline",
        )
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=320):
                table = gr.HTML()
                text.new(gr.Markdown, value=Key("exam.answers_hint"), elem_classes="plan")
            with gr.Column(scale=2, min_width=280):
                plot = gr.LinePlot(height=230, show_label=False, buttons=[])
        with gr.Row(elem_classes=classes("actions others", False)) as others:
            checkpoint = text.new(gr.Dropdown, label=Key("exam.choose"), info=Key("exam.choose_info"), value=None)
            make = text.new(gr.Button, value=Key("exam.make"), scale=0, min_width=190)
            wanted = gr.Textbox(visible=HIDDEN)
        with gr.Row(elem_classes=classes("actions", False)) as papers:
            downloads = [
                text.new(gr.DownloadButton, label=Key(f"certificate.{kind}"), size="sm", scale=0, min_width=150)
                for kind in ("html", "md", "svg")
            ]
    return ExamPanel(box, none, verdict, scope, table, plot, others, checkpoint, wanted, make, papers, *downloads)


def _copy(file: Path, run: str) -> str:
    """A copy that the page may hand out, under a name that says whose it is."""
    folder = home() / "cache" / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    return shutil.copyfile(file, folder / f"{run}.{file.name}").as_posix()


def wire(text: Text, panel: ExamPanel, run: gr.Dropdown) -> None:
    """Let the panel follow its own controls; what the run does is brought by the run's panel."""

    @told
    def look(language: str, chosen: str | None, scope: str, wanted: str | None) -> Any:
        return panel.rendered(chosen, scope, language, wanted) if chosen else gr.skip()

    @told
    def make(language: str, checkpoint: str | None) -> Any:
        if not checkpoint:
            raise UserError("no_checkpoint_chosen")
        chosen, _, iteration = checkpoint.rpartition("/")
        step = remaking.remake(chosen, int(iteration))
        info(sentence("exam.made", language, step=step))
        return gr.skip()

    seeing = [text.language, run, panel.scope, panel.wanted]
    panel.checkpoint.input(None, panel.checkpoint, panel.wanted, js="checkpoint => checkpoint", **QUIET)
    panel.scope.input(look, seeing, panel.outputs, trigger_mode="always_last", **QUIET)
    making = {"fn": make, "inputs": [text.language, panel.checkpoint], "outputs": panel.make, "concurrency_limit": 1}
    made = at_work(text, panel.make, "exam.making", "exam.make", panel.make.click, **making, **PRIVATE)
    made.then(look, seeing, panel.outputs, **QUIET)
