"""What a run with pictures is told beside the Recipe, as a form: one component per field of EyesRecipe, named like it.

Shown while a picture set is chosen. The second stage's steps stand here as well as among the advanced settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from training import models
from training.errors import UserError
from training.eyes import encoders, eyes_forecast, eyes_recipe, picture_sets, projector
from training.eyes.eyes_recipe import EyesRecipe
from training.machine import Machine
from training.models import starter_eyes
from training.recipe import Recipe
from training.sentences import sentence
from ui.edge import QUIET, plain
from ui.plan import STARTER_DOWNLOAD_MB
from ui.text import Key, Text
from ui.visibility import classes

DOWNLOAD_MB = 90
"""The starter's vision encoder."""
_WHOLE = {"precision": 0}
_FIELDS: dict[str, tuple[Any, str, dict[str, Any]]] = {
    "encoder": (gr.Dropdown, "visual_encoder_name_or_path", {"choices": [eyes_recipe.STARTER]}),
    "pretrain_steps": (gr.Number, "max_iters", _WHOLE),
    "pretrain_learning_rate": (gr.Number, "lr", {"step": 0.0001}),
    "pretrain_batch_size": (gr.Number, "batch_size", _WHOLE),
    "pretrained": (gr.Dropdown, "pretrained_pth", {"choices": [""], "allow_custom_value": True}),
    "first_sight": (gr.Checkbox, "pretrained_pth", {}),
    "projector_ratio": (gr.Number, "paramwise_cfg", {"step": 0.5}),
    "encoder_lora_rank": (gr.Number, "visual_encoder_lora", _WHOLE),
}
"""Kind of component, key in XTuner's config, and what else the component needs; in the order of the page."""
_OFTEN = ("encoder", "pretrain_steps")
"""What matters most stands first, beside the second stage's steps."""


@dataclass(frozen=True)
class EyesForm:
    """The form's components."""

    box: gr.Column
    fields: dict[str, Any]
    """By field of EyesRecipe, in the order of the page."""
    second: gr.Number
    """The second stage's steps, once more."""

    def values(self, eyes: EyesRecipe) -> list[Any]:
        """What the fields show, in their order."""
        return [getattr(eyes, field) for field in self.fields]

    def showing(self, name: str | None, language: str) -> dict[Any, Any]:
        """Updates that show the form for a picture set, with what there is to choose now, and hide it otherwise."""
        there = is_picture_set(name)
        updates: dict[Any, Any] = {self.box: gr.update(elem_classes=classes("pane card", there))}
        if there:
            kept = [(sentence("train.pretrained_of", language, run=run), str(file)) for run, file in projector.known()]
            none = (sentence("train.pretrained_none", language), "")
            updates |= {
                self.fields["encoder"]: gr.update(choices=_named(language)),
                self.fields["pretrained"]: gr.update(choices=[none, *kept]),
            }
        return updates

    @property
    def shown(self) -> list[Any]:
        """The outputs of showing()."""
        return [self.box, self.fields["encoder"], self.fields["pretrained"]]

    def show(self, language: str, name: str | None) -> dict[Any, Any]:
        """As showing(), for an event."""
        return self.showing(name, language)

    def with_choices(self, updates: dict[Any, Any], name: str | None, language: str) -> dict[Any, Any]:
        """Updates of fields, whose values are sent together with what there is to choose."""
        choices = self.showing(name, language)
        return {
            field: gr.update(**{**choices[field], "value": value}) if field in choices else value
            for field, value in updates.items()
        }


def eyes_form(text: Text, steps: gr.Number) -> EyesForm:
    """Make the form here. `steps`: the field of the second stage's steps among the advanced settings."""
    begun, fields = eyes_recipe.PRETRAIN, dict[str, Any]()
    with gr.Column(elem_classes=classes("pane card", False)) as box:
        text.new(gr.Markdown, value=Key("train.eyes_title"), elem_classes="group-title")
        text.new(gr.Markdown, value=Key("train.eyes_info"), elem_classes="card-text")
        with gr.Row(elem_classes="fields"):
            for field in _OFTEN:
                fields[field] = _component(text, field, begun)
            second = text.new(
                gr.Number,
                label=Key("train.second_steps"),
                info=Key("train.second_steps_info", "`max_iters`"),
                value=eyes_recipe.FINETUNE.steps,
                precision=0,
                min_width=230,
            )
        with text.new(gr.Accordion, label=Key("train.eyes_more"), open=False), gr.Row(elem_classes="fields"):
            for field in _FIELDS:
                if field not in _OFTEN:
                    fields[field] = _component(text, field, begun)
    steps.change(None, steps, second, js="steps => steps", **QUIET)
    # One may have been added since the set was chosen
    fields["encoder"].focus(
        lambda language: gr.update(choices=_named(language)), text.language, fields["encoder"], **QUIET
    )
    return EyesForm(box, {field: fields[field] for field in _FIELDS}, second)


def _named(language: str) -> list[tuple[str, str]]:
    return [(encoder_label(encoder, language), encoder) for encoder in encoders.names()]


def _component(text: Text, field: str, begun: EyesRecipe) -> Any:
    kind, config_key, props = _FIELDS[field]
    return text.new(
        kind,
        label=Key(f"train.{field}"),
        info=Key(f"train.{field}_info", f"`{config_key}`"),
        value=getattr(begun, field),
        min_width=230,
        **props,
    )


def form_fields() -> list[str]:
    """The fields in the order of the form."""
    return list(_FIELDS)


def is_picture_set(name: str | None) -> bool:
    """Whether that is what the dataset is."""
    return bool(name) and name in picture_sets.names()


def eyes_of(name: str | None, entered: Sequence[Any], language: str) -> EyesRecipe | None:
    """What the form holds; None where the dataset is no picture set. Raises UserError(field_empty)."""
    if not is_picture_set(name):
        return None
    given = dict(zip(_FIELDS, entered, strict=True))
    for field, value in given.items():
        if value is None and field != "pretrained":
            raise UserError("field_empty", field=sentence(f"train.{field}", language))
    return EyesRecipe(**{**given, "pretrained": (given["pretrained"] or "").strip()})


def problems(name: str, recipe: Recipe, eyes: EyesRecipe, language: str) -> list[UserError]:
    """What cannot work with pictures, with the settings called as the form calls them."""
    found = []
    for problem in eyes_recipe.problems(recipe, eyes, len(picture_sets.load(name).captions)):
        field = problem.details.get("field")
        named = {"field": sentence(f"train.{field}", language)} if field else {}
        found.append(UserError(problem.code, **{**problem.details, **named}))
    return found


def plan(name: str, recipe: Recipe, eyes: EyesRecipe, here: Machine, model: str, language: str) -> str:
    """What Start will do, in a few sentences; and what it will fetch first."""
    device = here.gpus[0].name if here.gpus else sentence("train.cpu", language, cores=here.cores)
    told = {"first": eyes.pretrain_steps, "steps": recipe.steps, "device": plain(device)}
    told["method"] = sentence(f"train.method_{recipe.method}", language)
    said = [sentence("train.plan_eyes" if eyes.pretrain_steps else "train.plan_eyes_second", language, **told)]
    summary = picture_sets.summary(picture_sets.load(name))
    passes = recipe.steps * recipe.rows_a_step / max(1, summary.talks)
    counts = {"pictures": summary.pictures, "talks": summary.talks, "captions": summary.captions}
    said.append(sentence("train.plan_pictures", language, **counts, passes=f"{passes:.2g}"))
    if eyes_forecast.measure(name, model).longest > recipe.max_length:
        said.append(sentence("train.plan_eyes_cut", language, limit=recipe.max_length))
    size = (STARTER_DOWNLOAD_MB if model == models.STARTER and not models.starter.ready() else 0) + (
        DOWNLOAD_MB if eyes.encoder == eyes_recipe.STARTER and not starter_eyes.ready() else 0
    )
    if size:
        said.append(sentence("train.plan_download", language, size=size))
    return " ".join(said)


def encoder_label(encoder: str, language: str) -> str:
    """What an encoder is called in lists."""
    return sentence("train.encoder_starter", language) if encoder == eyes_recipe.STARTER else encoder
