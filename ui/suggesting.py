"""What the Train tab suggests: model, dataset, and settings that suit them; what a visitor has changed stays his."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import gradio as gr

from training import dataset as datasets
from training import models, runs
from training.errors import UserError
from training.eyes import eyes_recipe, picture_sets
from training.eyes.eyes_recipe import PRETRAIN
from training.recipe import from_dict
from training.sentences import sentence
from ui.choosing import offered
from ui.conversation import model_label
from ui.draft import Draft
from ui.edge import PRIVATE, QUIET, told
from ui.eyes_form import EyesForm, is_picture_set
from ui.plan import eyes_suggestion, suggestion
from ui.recipe_form import TrainForm, as_text, form_fields, refilled, values
from ui.starting import SUGGESTED, missing
from ui.text import Text
from ui.visibility import HIDDEN


def wire_suggesting(
    text: Text,
    model: gr.Dropdown,
    dataset: gr.Dropdown,
    form: TrainForm,
    sight: EyesForm,
    last: gr.Textbox,
    button: gr.Button,
    explain: dict[str, Any],
) -> tuple[Draft, dict[str, Any]]:
    """Fill the form with what suits model and dataset, when one of them changes or the button wants it; then explain.

    `last`: as_text() of what was suggested last. Returns the draft of model, dataset and all settings; and the event's
    arguments, for what else has to cause it.
    """
    seen_last = gr.Textbox(as_text(sight.values(PRETRAIN)), visible=HIDDEN)

    def suggested(model: str, data: str) -> tuple[list[Any], list[Any]]:
        eyes = eyes_suggestion(data)[1] if is_picture_set(data) else PRETRAIN
        return values(suggestion(model, data)), sight.values(eyes)

    @told
    def suggest(_language: str, model: str | None, data: str | None) -> list[Any]:
        if missing(model, data):
            raise UserError("suggestion_needs_choices")
        plain, eyes = suggested(str(model), str(data))
        return [as_text(plain), as_text(eyes), *plain, *eyes]

    @told
    def follow(language: str, model: str | None, data: str | None, before: str, seen_before: str, *entered: Any) -> Any:
        shown = sight.showing(data, language)
        if missing(model, data):
            return shown
        plain, eyes = suggested(str(model), str(data))
        old, seen_old = json.loads(before), json.loads(seen_before)
        now = refilled(entered, [*old, *seen_old], [*plain, *eyes])
        # What stays is not sent: he may have changed it by the time that this arrives.
        filled = {field: value for field, mine, value in zip(fields, entered, now, strict=True) if value != mine}
        kept = {last: as_text(_since(old, plain)), seen_last: as_text(_since(seen_old, eyes))}
        return {**shown, **kept, **sight.with_choices(filled, data, language)}

    fields = [*form.values(), *sight.fields.values()]
    chosen = [text.language, model, dataset]
    kept = dict(zip(SUGGESTED, (last, seen_last), strict=True))
    draft = Draft("train", {"model": model, "dataset": dataset, **form, **sight.fields, **kept})
    button.click(suggest, chosen, [last, seen_last, *fields], **PRIVATE).then(**explain)
    event: dict[str, Any] = {
        "fn": follow,
        "inputs": [*chosen, last, seen_last, *fields],
        "outputs": [last, seen_last, *fields, sight.box],
        **QUIET,
    }
    # Start is offered only after the settings fit the new choice.
    gr.on([model.change, dataset.change], **event).then(**explain)
    text.language.change(sight.show, [text.language, dataset], sight.shown, **QUIET)
    return draft, event


def _since(before: list[Any], suggested: list[Any]) -> list[Any]:
    """What counts as suggested from now on: not what nobody suggested before, since that stays the visitor's own."""
    return [None if old is None else new for old, new in zip(before, suggested, strict=True)]


def copying(draft: Draft, sight: EyesForm) -> Callable[[str, str], dict[Any, Any]]:
    """Updates that fill the form with the settings of a run, and with its model and dataset where they still exist."""

    def copied(run: str, language: str) -> dict[Any, Any]:
        spec = runs.spec(run)
        model, data = refreshed(language, None, None, spec.get("dataset"), spec.get("model"))
        settings = dict(zip(form_fields(), values(from_dict(spec["recipe"])), strict=True))
        # Settings that nobody suggested are the visitor's own: they stay whatever is chosen.
        settings["suggested"] = as_text([None] * len(form_fields()))
        if spec.get("eyes"):
            settings |= dict(zip(sight.fields, sight.values(eyes_recipe.from_dict(spec["eyes"])), strict=True))
            settings["suggested_eyes"] = as_text([None] * len(sight.fields))
        return {draft.fields["model"]: model, draft.fields["dataset"]: data} | {
            draft.fields[field]: value for field, value in settings.items()
        }

    return copied


def refreshed(
    language: str,
    model: str | None,
    data: str | None,
    wanted: str | None = None,
    wanted_model: str | None = None,
) -> tuple[Any, Any]:
    """Model and dataset choices as they are now; what was chosen stays chosen while it exists."""
    known = [(model_label(name, language), name) for name in models.trainable()]
    sets: list[str | tuple[str, str]] = [
        *datasets.names(),
        *((_set_label(name, language), name) for name in picture_sets.names()),
    ]
    return offered(known, model, wanted_model), offered(sets, data, wanted)


def _set_label(name: str, language: str) -> str:
    """A picture set says that it is one."""
    return sentence("train.picture_set", language, name=name)
