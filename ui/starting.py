"""The Start buttons: a run begins, or waits for its turn when another one needs the same device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from serving.stage import Stage
from training import config_check, runs
from training.errors import UserError
from training.sentences import sentence
from ui.at_work import at_work
from ui.confirm import Confirm
from ui.draft import Draft
from ui.edge import PRIVATE, info, toast, told
from ui.eyes_form import eyes_of
from ui.live_view import RunPanel
from ui.recipe_form import form_fields, recipe_of
from ui.run_actions import ask_to_queue, release
from ui.text import Text

SUGGESTED = ("suggested", "suggested_eyes")
"""Fields of the draft that nobody enters: what was suggested last, for both parts of the form."""


def missing(model: str | None, data: str | None) -> str | None:
    """The key of what has not been chosen yet."""
    return "train.need_model" if not model else "train.need_dataset" if not data else None


def wire_starting(
    text: Text,
    stage: Stage,
    button: gr.Button,
    question: Confirm,
    draft: Draft,
    panel: RunPanel,
    config: gr.Code | None = None,
) -> None:
    """Wire Start and the question that may follow. The draft's fields are what is started.

    `config`: the text to run instead of the one made of these fields; it is checked first.
    """
    entered = [field for name, field in draft.fields.items() if name not in SUGGESTED]

    def begin(queue: bool) -> Callable[..., Any]:
        def start(language: str, own: str | None, model: str | None, data: str | None, *settings: Any) -> Any:
            own = (own or "") if config else None
            need = missing(model, data)
            if need:
                toast(sentence(need, language))
                return gr.skip()
            plain, seen = settings[: len(form_fields())], settings[len(form_fields()) :]
            recipe, eyes = recipe_of(plain, language), eyes_of(data, seen, language)
            if own is not None and eyes:
                raise UserError("eyes_own_config")
            if own is not None:
                recipe = config_check.check(own).recipe(recipe)
            try:
                run = runs.start(str(data), str(model), recipe, queue=queue, config=own or "", eyes=eyes)
            except UserError as error:
                return ask_to_queue(question, error, language, own, model, data, *settings)
            if runs.look(run).phase == "queued":
                info(sentence("run.queued", language))
            release(stage, run, language)
            # From here on the run keeps its settings.
            return {**draft.used(), **panel.following(run, language), **question.hide()}

        return start

    outputs = [*panel.outputs, draft.stored, *question.outputs]
    inputs = [text.language, config or gr.State(None), *entered]
    # scroll_to_output takes the visitor down to the run he has just started.
    started = {"fn": told(begin(False)), "inputs": inputs, "outputs": outputs, "scroll_to_output": True, **PRIVATE}
    queued = {"fn": question.about(begin(True)), "inputs": [text.language, question.subject], "outputs": outputs}
    for event, does in ((button.click, started), (question.yes.click, {**queued, **PRIVATE})):
        if config:  # XTuner loads it first, which may take minutes
            at_work(text, button, "configs.starting", "configs.start", event, **does)
        else:
            event(**does, trigger_mode="once")
