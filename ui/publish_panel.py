"""Publishing on the page: a merged model goes into its repo on OpenXLab. (The work: training/publishing.py.)

The token is taken out of its field at once, goes to the process that pushes, and is kept nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from training import publishing, runs
from training.errors import UserError
from training.publishing import Look
from training.sentences import sentence
from ui.app_pane import app_pane
from ui.choosing import offered
from ui.confirm import Confirm, confirm
from ui.conversation import trained
from ui.edge import PRIVATE, QUIET, info, told
from ui.publish_view import question, state_html
from ui.text import Key, Text
from ui.visibility import HIDDEN, seen

TICK = 0.7
"""Seconds between two looks at what is being pushed."""


@dataclass(frozen=True)
class _Panel:
    """The panel's components."""

    run: gr.Dropdown
    repo: gr.Textbox
    user: gr.Textbox
    token: gr.Textbox
    push: gr.Button
    sure: Confirm
    state: gr.HTML
    cancel: gr.Button
    timer: gr.Timer

    @property
    def outputs(self) -> list[Any]:
        return [self.state, self.push, self.cancel, self.timer]

    def showing(self, now: Look | None, language: str) -> dict[Any, Any]:
        """Updates that show how it stands."""
        live = bool(now and now.live)
        return {
            self.state: gr.update(value=state_html(now, language), visible=seen(now)),
            self.push: gr.update(interactive=not live),
            self.cancel: gr.update(visible=seen(live)),
            self.timer: gr.Timer(active=live),
        }


def publish_panel(text: Text, model: gr.Dropdown) -> None:
    """Make the panel here and wire it, and the hosted app's below it; it offers what is chosen in `model`."""
    with text.new(gr.Accordion, label=Key("publish.title"), open=False, elem_classes="card") as box:
        text.new(gr.Markdown, value=Key("publish.about"), elem_classes="card-text")
        run = text.new(gr.Dropdown, label=Key("publish.run"), choices=[])
        with gr.Row(elem_classes="actions"):
            repo = text.new(gr.Textbox, label=Key("publish.repo"), placeholder="USER/REPO", max_lines=1, min_width=200)
            user = text.new(gr.Textbox, label=Key("publish.user"), max_lines=1, min_width=160)
            token = text.new(gr.Textbox, label=Key("publish.token"), type="password", max_lines=1, min_width=200)
        push = text.new(gr.Button, value=Key("publish.push"), size="sm")
        sure = confirm(text, "publish.yes", "publish.no", loses=False)
    # Outside, and active at first: a page that was loaded again shows what is being pushed, whatever is folded up.
    state, timer = gr.HTML(visible=HIDDEN), gr.Timer(TICK, active=True)
    cancel = text.new(gr.Button, value=Key("publish.cancel"), size="sm", visible=HIDDEN)
    panel = _Panel(run, repo, user, token, push, sure, state, cancel, timer)
    _wire_choice(text, panel, box, model)
    _wire(text, panel)
    app_pane(text, repo)


def _wire_choice(text: Text, panel: _Panel, box: gr.Accordion, model: gr.Dropdown) -> None:
    @told
    def follow(language: str, chosen: str | None, spoken_with: str | None) -> Any:
        """What was trained; the model that is talked to, when it is one of these."""
        return offered(trained(language), chosen, spoken_with)

    @told
    def renew(language: str, chosen: str | None, spoken_with: str | None) -> Any:
        """The same while something is chosen already, which stays."""
        there = trained(language)
        return offered(there, chosen, None if chosen in [run for _, run in there] else spoken_with)

    seeing = [text.language, panel.run, model]
    model.change(follow, seeing, panel.run, **PRIVATE)
    box.expand(renew, seeing, panel.run, **PRIVATE)
    text.language.change(renew, seeing, panel.run, **QUIET)
    # The question does not say which one: it would be taken for being about the new one.
    panel.run.change(panel.sure.hide, None, panel.sure.box, **QUIET)


def _wire(text: Text, panel: _Panel) -> None:
    @told
    def ask(language: str, run: str | None, repo: str) -> dict[Any, Any]:
        if not run:
            raise UserError("publishing_nothing")
        if runs.merged(run) is None:
            raise UserError("run_without_model", run=run)
        where = publishing.addressed(repo).repo
        return panel.sure.ask(question(run, where, language), run, repo)

    def begin(language: str, run: str, repo: str, user: str, token: str) -> dict[Any, Any]:
        publishing.start(run, repo, user, token)
        return {panel.token: "", **panel.sure.hide(), **panel.showing(publishing.look(), language)}

    @told
    def look(language: str, before: str) -> dict[Any, Any]:
        now = publishing.look()
        if now and now.done and before:
            info(sentence("publish.there", language, repo=now.repo))
        return panel.showing(now, language)

    @told
    def cancel(language: str) -> dict[Any, Any]:
        publishing.cancel()
        return panel.showing(None, language)

    panel.push.click(ask, [text.language, panel.run, panel.repo], panel.sure.outputs, **PRIVATE)
    panel.sure.yes.click(
        panel.sure.about(begin),
        [text.language, panel.sure.subject, panel.user, panel.token],
        [panel.token, *panel.sure.outputs, *panel.outputs],
        **PRIVATE,
    )
    panel.cancel.click(cancel, text.language, panel.outputs, **PRIVATE)
    # Not QUIET: its news is a toast.
    panel.timer.tick(look, [text.language, panel.state], panel.outputs, **PRIVATE)
    text.language.change(
        lambda language: panel.showing(publishing.look(), language), text.language, panel.outputs, **QUIET
    )
