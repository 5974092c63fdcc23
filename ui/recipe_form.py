"""The Recipe as a form: one component per field, named like the field, with its XTuner config key beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr

from training.errors import UserError
from training.recipe import DEEPSPEEDS, LORA_LAYERS, METHODS, PRECISIONS, Recipe
from training.sentences import sentence
from ui.plan import this_machine
from ui.text import Key, Text
from ui.visibility import seen

TrainForm = dict[str, Any]
"""Recipe field -> component, in the order of the page."""

_Field = tuple[Callable[..., Any], str, dict[str, Any]]
"""Kind of component, key in XTuner's config, and what else the component needs."""

_WHOLE = {"precision": 0}
# No minimum: Gradio would refuse the event instead of saying so. Recipe.problems() says it, in the right language.
_METHODS = [(Key(f"train.method_{method}"), method) for method in METHODS]
_LAYERS = [(Key(f"train.lora_layers_{layers}"), layers) for layers in LORA_LAYERS]
_DEEPSPEEDS = [(Key(f"train.deepspeed_{stage}"), stage) for stage in DEEPSPEEDS]

GROUPS: dict[str, dict[str, _Field]] = {
    "method": {
        "method": (gr.Radio, "model.lora, quantization_config", {"choices": _METHODS}),
        "precision": (gr.Radio, "optim_wrapper.dtype", {"choices": list(PRECISIONS)}),
        "lora_layers": (gr.Dropdown, "lora.target_modules", {"choices": _LAYERS}),
        "lora_rank": (gr.Number, "lora.r", _WHOLE),
        "lora_alpha": (gr.Number, "lora.lora_alpha", _WHOLE),
        "lora_plus_ratio": (gr.Number, "paramwise_cfg", {"step": 1}),
        "lora_dropout": (gr.Number, "lora.lora_dropout", {"step": 0.05}),
        "activation_checkpointing": (gr.Checkbox, "use_activation_checkpointing", {}),
    },
    "learning": {
        "steps": (gr.Number, "max_iters", _WHOLE),
        "learning_rate": (gr.Number, "lr", {"step": 0.0001}),
        "warmup_ratio": (gr.Number, "warmup_iters", {"step": 0.01}),
        "weight_decay": (gr.Number, "weight_decay", {"step": 0.01}),
        "max_norm": (gr.Number, "max_norm", {"step": 0.1}),
        "seed": (gr.Number, "randomness.seed", _WHOLE),
    },
    "data": {
        "batch_size": (gr.Number, "batch_size", _WHOLE),
        "accumulation": (gr.Number, "accumulative_counts", _WHOLE),
        "max_length": (gr.Number, "max_length", {**_WHOLE, "step": 32}),
        "pack": (gr.Checkbox, "pack_to_max_length", {}),
        "varlen_attention": (gr.Checkbox, "use_varlen_attn", {}),
        "prompt_template": (gr.Textbox, "prompt_template", {"max_lines": 1}),
    },
    "watching": {
        "save_every": (gr.Number, "save_steps", _WHOLE),
        "keep_checkpoints": (gr.Number, "save_total_limit", _WHOLE),
        "evaluation_tokens": (gr.Number, "max_new_tokens", _WHOLE),
        "evaluation_inputs": (gr.Textbox, "evaluation_inputs", {"lines": 3, "max_lines": 6}),
        "system": (gr.Textbox, "SYSTEM", {"lines": 3, "max_lines": 6}),
        "auto_stop": (gr.Checkbox, "AutoStopHook", {}),
    },
    "spread": {
        "deepspeed": (gr.Dropdown, "--deepspeed", {"choices": _DEEPSPEEDS}),
        "processes": (gr.Number, "NPROC_PER_NODE", _WHOLE),
        "gpus": (gr.CheckboxGroup, "CUDA_VISIBLE_DEVICES", {}),
        "nodes": (gr.Number, "NNODES", _WHOLE),
        "sequence_parallel": (gr.Number, "sequence_parallel_size", _WHOLE),
        "address": (gr.Textbox, "ADDR", {"max_lines": 1}),
        "port": (gr.Number, "PORT", _WHOLE),
    },
}


def recipe_form(text: Text) -> TrainForm:
    """Make the form's components here, filled with a plain Recipe."""
    start, form = dict(zip(form_fields(), values(Recipe()), strict=True)), {}
    for group, members in GROUPS.items():
        text.new(gr.Markdown, value=Key(f"train.group_{group}"), elem_classes="group-title")
        with gr.Row(elem_classes="fields"):
            for field, (kind, config_key, props) in members.items():
                more = _gpus() if field == "gpus" else {}
                form[field] = text.new(
                    kind,
                    label=Key(f"train.{field}"),
                    info=Key(f"train.{field}_info", f"`{config_key}`"),
                    value=start[field],
                    min_width=230,
                    **props,
                    **more,
                )
    return form


def _gpus() -> dict[str, Any]:
    found = this_machine().gpus
    named = [(f"{gpu.number} · {gpu.name} · {gpu.free_gib:.0f}/{gpu.memory_gib:.0f} GiB", gpu.number) for gpu in found]
    return {"choices": named, "visible": seen(found)}


def form_fields() -> list[str]:
    """The fields in the order of the form."""
    return [field for members in GROUPS.values() for field in members]


def values(recipe: Recipe) -> list[Any]:
    """What the form's components show for `recipe`, in their order."""
    shown = {**vars(recipe), "evaluation_inputs": "\n".join(recipe.evaluation_inputs), "gpus": list(recipe.gpus)}
    return [shown[field] for field in form_fields()]


def as_text(suggested: Sequence[Any]) -> str:
    """Suggested values, in the order of the form, as the page keeps them; None: nobody suggested that one."""
    return json.dumps(suggested)


def usual(suggested: str, fitting: Callable[[], Recipe], language: str) -> Recipe:
    """What was suggested last, of as_text(); where nobody suggested a setting, what the `fitting` recipe has."""
    kept = json.loads(suggested)
    if None in kept:
        kept = [now if old is None else old for old, now in zip(kept, values(fitting()), strict=True)]
    return recipe_of(kept, language)


def recipe_of(entered: Sequence[Any], language: str) -> Recipe:
    """The Recipe the form holds. Raises UserError(field_empty)."""
    given: Mapping[str, Any] = dict(zip(form_fields(), entered, strict=True))
    for field, value in given.items():
        if value is None:
            raise UserError("field_empty", field=sentence(f"train.{field}", language))
    questions = [line.strip() for line in given["evaluation_inputs"].splitlines()]
    asked = tuple(question for question in questions if question)
    return Recipe(**{**given, "evaluation_inputs": asked, "gpus": tuple(sorted(given["gpus"]))})


def problems(recipe: Recipe, language: str) -> list[UserError]:
    """What cannot work, with the settings called as the form calls them."""
    found = []
    for problem in recipe.problems():
        field = problem.details.get("field")
        named = {"field": sentence(f"train.{field}", language)} if field in form_fields() else {}
        found.append(UserError(problem.code, **{**problem.details, **named}))
    return found


def refilled(entered: Sequence[Any], before: Sequence[Any], suggested: Sequence[Any]) -> list[Any]:
    """The new suggestion, but what the visitor changed since the last one stays as he left it."""
    return [mine if mine != old else new for mine, old, new in zip(entered, before, suggested, strict=True)]
