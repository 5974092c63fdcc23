"""Tab 2: model, dataset, Start. How a run is going is shown by run_panel.py, the settings by recipe_form.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from serving.stage import Stage
from training import runs
from training.errors import UserError
from training.eyes.eyes_recipe import EyesRecipe
from training.recipe import Recipe
from training.sentences import sentence
from ui.changes import changes_html
from ui.config_pane import ConfigPane, config_pane, wire_opening
from ui.doctor_pane import doctor_pane
from ui.draft import Draft
from ui.edge import QUIET, listed, told
from ui.eyes_form import EyesForm, eyes_form, eyes_of
from ui.eyes_form import plan as eyes_plan
from ui.eyes_form import problems as eyes_problems
from ui.forecast_pane import ForecastPane, forecast_pane, wire_measuring
from ui.history_panel import history_panel, wire_following
from ui.history_panel import wire as wire_history
from ui.live_view import RunPanel
from ui.meter import fits
from ui.model_pane import model_pane
from ui.plan import plan, suggestion, this_machine
from ui.preset_pane import preset_pane, wire_presets
from ui.recipe_form import TrainForm, as_text, recipe_form, recipe_of, usual, values
from ui.recipe_form import problems as recipe_problems
from ui.run_actions import queueing
from ui.run_panel import run_panel
from ui.starting import missing, wire_starting
from ui.suggesting import copying, refreshed, wire_suggesting
from ui.text import Key, Text
from ui.visibility import HIDDEN, seen


@dataclass(frozen=True)
class TrainTab:
    """What app.py wires to the other tabs."""

    model: gr.Dropdown
    dataset: gr.Dropdown
    panel: RunPanel
    refresh: Callable[..., Any]
    """(language, model, dataset, wanted dataset or None) -> updates of model and dataset: what there is now."""
    drafts: list[Draft]
    restore: Callable[[Any], Any]
    """(event) -> event: brings back what was entered before a reload."""


@dataclass(frozen=True)
class _Steps:
    """The three steps and what explains them."""

    model: gr.Dropdown
    dataset: gr.Dropdown
    start: gr.Button
    plan: gr.Markdown
    forecast: ForecastPane
    changes: gr.HTML
    """What differs from the suggestion."""
    problems: gr.Markdown


@dataclass(frozen=True)
class _Config:
    """What will run, literally."""

    file: gr.Code
    command: gr.Code
    plain: gr.Code


def train_tab(text: Text, stage: Stage) -> TrainTab:
    """Make the tab's components here and wire them."""
    text.new(gr.Markdown, value=Key("train.title"), elem_classes="section-title")
    steps, question = _steps(text), queueing(text)
    place = gr.Column()  # of the form that only pictures need, which follows the other one's steps
    with text.new(gr.Accordion, label=Key("train.advanced"), open=False, elem_classes="card"):
        with gr.Row(elem_classes="actions"):
            text.new(gr.Markdown, value=Key("train.advanced_info"), elem_classes="grow")
            suggest = text.new(gr.Button, value=Key("train.suggest"), size="sm", scale=0, min_width=160)
        form = recipe_form(text)
    with place:
        sight = eyes_form(text, form["steps"])
    saved = preset_pane(text)
    with text.new(gr.Accordion, label=Key("train.config"), open=False, elem_classes="card"):
        text.new(gr.Markdown, value=Key("train.config_info"))
        config = _Config(
            file=text.new(
                gr.Code, label=Key("train.config_file"), language="python", interactive=False, elem_classes="code"
            ),
            command=text.new(
                gr.Code,
                label=Key("train.command"),
                language="shell",
                wrap_lines=True,
                interactive=False,
                elem_classes="code",
            ),
            plain=text.new(
                gr.Code,
                label=Key("train.plain_command"),
                language="shell",
                wrap_lines=True,
                interactive=False,
                elem_classes="code",
            ),
        )
    own = config_pane(text)
    panel = run_panel(text, stage)
    # What was suggested last tells a visitor's own settings from ours, after a reload too. It is sent along with them:
    # a gr.State would be as new as the last answer, and the settings as old as the click before it.
    last = gr.Textbox(as_text(values(Recipe())), visible=HIDDEN)
    explain = _explain(text, steps, form, sight, last, config)
    draft, follow = wire_suggesting(text, steps.model, steps.dataset, form, sight, last, suggest, explain)
    wire_presets(text, saved, draft, explain)
    doctor_pane(text)
    copied, outputs = copying(draft, sight), list(draft.fields.values())
    changed = wire_history(text, *history_panel(text), panel.following, panel.outputs, copied, outputs, explain)
    wire_following(text, changed, panel)
    wire_starting(text, stage, steps.start, question, draft, panel)
    wire_starting(text, stage, own.start, own.question, draft, panel, own.editor)
    describe = wire_opening(text, own, [steps.model, steps.dataset, *form.values()])
    restore = _restoring(text, draft, own, sight, follow, explain, describe)
    choices = [steps.model, steps.dataset]
    text.language.change(told(refreshed), [text.language, *choices], choices, **QUIET)
    return TrainTab(steps.model, steps.dataset, panel, refreshed, [draft, own.draft], restore)


def _steps(text: Text) -> _Steps:
    with gr.Row(elem_classes="steps", equal_height=True):
        with gr.Column(elem_classes="card step", min_width=260):
            text.new(gr.Markdown, value=Key("train.step_model"), elem_classes="card-title")
            model = text.new(gr.Dropdown, label=Key("train.model"), choices=[], show_label=False)
        with gr.Column(elem_classes="card step", min_width=260):
            text.new(gr.Markdown, value=Key("train.step_dataset"), elem_classes="card-title")
            data = text.new(gr.Dropdown, label=Key("train.dataset"), choices=[], show_label=False)
        with gr.Column(elem_classes="card step", min_width=260):
            text.new(gr.Markdown, value=Key("train.step_start"), elem_classes="card-title")
            start = text.begin(gr.Button, _needs_a_dataset, variant="primary", interactive=False)
    plan, forecast = gr.Markdown(elem_classes="plan"), forecast_pane(text)
    changes = gr.HTML(visible=HIDDEN)
    problems = gr.Markdown(visible=HIDDEN, elem_classes="problems")
    model_pane(text, model, lambda language, name: refreshed(language, None, None, None, name)[0])
    return _Steps(model, data, start, plan, forecast, changes, problems)


def _needs_a_dataset(language: str) -> dict[str, Any]:
    return {"value": sentence("train.need_dataset", language)}


def _explain(
    text: Text, steps: _Steps, form: TrainForm, sight: EyesForm, last: gr.Textbox, config: _Config
) -> dict[str, Any]:
    """Whenever a setting is entered: what Start would do, what it lacks, and the files it would write.

    Returns the event's arguments, for whatever fills the form in.
    """

    @told
    def explain(language: str, model: str | None, data: str | None, suggested: str, *entered: Any) -> dict[Any, Any]:
        need = missing(model, data)
        if need:
            return _not_ready(need, [], language)
        changes = ""
        try:
            recipe = recipe_of(entered[: len(form)], language)
            eyes = eyes_of(data, entered[len(form) :], language)
            fitting = partial(suggestion, str(model), str(data))
            changes = changes_html(recipe, usual(suggested, fitting, language), language)
            problems = recipe_problems(recipe, language)
            problems += eyes_problems(str(data), recipe, eyes, language) if eyes else []
            preview = None if problems else runs.preview(str(data), str(model), recipe, eyes)
        except UserError as error:
            problems, preview = [error], None
        if preview is None:
            return _not_ready("train.need_settings", problems, language, changes)
        return {
            steps.start: gr.update(value=sentence("train.start", language), interactive=True),
            steps.plan: _planned(str(data), str(model), recipe, eyes, language),
            **steps.forecast.showing(str(data), str(model), recipe, language, eyes),
            steps.changes: gr.update(value=changes, visible=seen(changes)),
            steps.problems: gr.update(visible=HIDDEN),
            config.file: preview.config,
            config.command: preview.command,
            config.plain: preview.plain_command,
        }

    def _not_ready(need: str, problems: list[UserError], language: str, changes: str = "") -> dict[Any, Any]:
        return {
            steps.start: gr.update(value=sentence(need, language), interactive=False),
            steps.plan: "" if problems else sentence("train.plan_waiting", language),
            **steps.forecast.hidden(),
            steps.changes: gr.update(value=changes, visible=seen(changes)),
            steps.problems: gr.update(value=listed(problems, language), visible=seen(problems)),
        }

    event: dict[str, Any] = {
        "fn": explain,
        "inputs": [text.language, steps.model, steps.dataset, last, *form.values(), *sight.fields.values()],
        "outputs": {
            *(steps.start, steps.plan, *steps.forecast.outputs, steps.changes, steps.problems),
            *(config.file, config.command, config.plain),
        },
        "trigger_mode": "always_last",
        **QUIET,
    }
    # Not their changes: those that an answer brings come one after the other, and half of them are no settings.
    fields = [*form.values(), *sight.fields.values()]
    # An input method for Chinese tells no `input` (ui/draft.py): whoever leaves a text has entered it.
    left = [field.blur for field in fields if isinstance(field, gr.Textbox)]
    # In the browser, where it is done before the next key: an answer to "2" would come into the middle of "250".
    sight.second.input(None, sight.second, form["steps"], js="steps => steps", **QUIET)
    gr.on([text.language.change, *(field.input for field in [*fields, sight.second]), *left], **event)
    wire_measuring(text, steps.forecast, [steps.model, steps.dataset, *form.values()], recipe_of, event)
    return event


def _planned(data: str, model: str, recipe: Recipe, eyes: EyesRecipe | None, language: str) -> str:
    """What Start would do, and what the data means for it."""
    if eyes:
        return eyes_plan(data, recipe, eyes, this_machine(), model, language)
    return plan(recipe, this_machine(), model, language) + " " + fits(data, model, recipe, language)


def _restoring(
    text: Text,
    draft: Draft,
    own: ConfigPane,
    sight: EyesForm,
    follow: dict[str, Any],
    explain: dict[str, Any],
    describe: dict[str, Any],
) -> Callable[[Any], Any]:
    """What the page arrives with is no change that anybody would notice: it is followed and explained here."""

    def fill(language: str, values: dict[str, Any]) -> dict[Any, Any]:
        model, data = refreshed(language, None, None, values["dataset"], values["model"])
        updates = {draft.fields[name]: value for name, value in {**values, "model": model, "dataset": data}.items()}
        return sight.with_choices(updates, values["dataset"], language)

    def fill_config(_language: str, values: dict[str, Any]) -> dict[Any, Any]:
        return {own.draft.fields[name]: value for name, value in values.items()}

    def restored(opened: Any) -> Any:
        filled = draft.restore(opened, text.language, fill)
        explained = filled.then(**follow).then(**explain)
        return own.draft.restore(explained, text.language, fill_config).then(**describe)

    return restored
