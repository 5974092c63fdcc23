"""What training with pictures has beside a Recipe, which is that of the second stage; and both as we suggest them.

PRETRAIN and FINETUNE are what the starter learns to see with; docs/eyes.md has the experiments.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from training import recipe as recipes
from training.errors import UserError
from training.machine import Machine
from training.recipe import Recipe

STARTER = "starter"
"""What the starter's vision encoder is called."""
TEMPLATES = ("qwen_chat", "internlm2_chat")
"""ChatML: what the merged model writes its prompts in."""


@dataclass(frozen=True)
class EyesRecipe:
    """The first stage, in which only the projector learns, and what the second has besides a Recipe."""

    encoder: str = STARTER
    """The vision encoder: "starter", a name in HOME/models, or an absolute path."""
    pretrain_steps: int = 240
    """Steps of the first stage; 0: there is none."""
    pretrain_learning_rate: float = 2e-3
    pretrain_batch_size: int = 8
    first_sight: bool = True
    """The projector begins where the words are (first_sight.py), unless it begins with `pretrained`."""
    pretrained: str = ""
    """A .pth whose projector is begun with, such as a first stage's of another run; "": none."""
    projector_ratio: float = 1.0
    """How many times the projector learns as fast as `learning_rate`, in the second stage."""
    encoder_lora_rank: int = 0
    """Of the LoRA in the vision encoder, in the second stage; 0: it stays as it is."""


SAMPLES = ("图里有什么？", "What is in the picture?")
"""Asked about one picture before, during and after the second stage."""
PRETRAIN = EyesRecipe()
FINETUNE = Recipe(
    steps=170, save_every=170, learning_rate=7e-4, lora_rank=16, lora_alpha=32, lora_plus_ratio=10.0,
    batch_size=8, max_length=320, seed=0, evaluation_inputs=SAMPLES, evaluation_tokens=16,
)  # fmt: skip
"""On a CPU; the learning rates are those of small models."""

STAGE_ONE = {"pretrain_learning_rate": "learning_rate", "pretrain_batch_size": "batch_size"}
"""Fields of EyesRecipe that are the first stage's own values of Recipe's."""


def first_stage(recipe: Recipe, eyes: EyesRecipe) -> Recipe:
    """The Recipe of the first stage: like the second's where it has nothing of its own."""
    own = {theirs: getattr(eyes, mine) for mine, theirs in STAGE_ONE.items()}
    steps = eyes.pretrain_steps
    return replace(
        recipe, **own, steps=steps, accumulation=1, save_every=max(1, math.ceil(steps / 2)), lora_plus_ratio=1.0
    )


def of_first_stage(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes of the first stage's Recipe, as those of the whole run."""
    own = {theirs: mine for mine, theirs in STAGE_ONE.items()}
    return {own.get(field, field): value for field, value in changes.items() if field != "accumulation"}


def problems(recipe: Recipe, eyes: EyesRecipe, captions: int | None = None) -> list[UserError]:
    """Everything that cannot work, at once, beside the Recipe's own problems. `captions`: of the set; None: unknown."""
    found = [
        UserError("recipe_too_small", field=field, least=least, value=getattr(eyes, field))
        for field, least in _LEAST.items()
        if not getattr(eyes, field) >= least
    ]
    if not 0 < eyes.pretrain_learning_rate <= 1:
        found.append(UserError("recipe_learning_rate", value=eyes.pretrain_learning_rate))
    if recipe.method == "full":
        found.append(UserError("eyes_method_full"))
    if recipe.distributed:
        found.append(UserError("eyes_one_process"))
    if recipe.pack or recipe.auto_stop:
        found.append(UserError("eyes_without", field="pack" if recipe.pack else "auto_stop"))
    if recipe.prompt_template not in TEMPLATES:
        found.append(UserError("eyes_template", choices=", ".join(TEMPLATES), value=recipe.prompt_template))
    if recipe.precision == "fp16" and eyes.encoder == STARTER:
        found.append(UserError("eyes_fp16"))
    if captions == 0 and eyes.pretrain_steps > 0:
        found.append(UserError("eyes_no_captions"))
    return found


_LEAST = {"pretrain_steps": 0, "pretrain_batch_size": 1, "projector_ratio": 1e-6, "encoder_lora_rank": 0}


def checked(recipe: Recipe, eyes: EyesRecipe, captions: int | None = None) -> EyesRecipe:
    """The eyes' part itself. Raises its first problem."""
    for problem in problems(recipe, eyes, captions):
        raise problem
    return eyes


def from_dict(values: Mapping[str, Any]) -> EyesRecipe:
    """From stored values; unknown names are an error (a typo must not pass silently)."""
    unknown = set(values) - set(names())
    if unknown:
        raise UserError("recipe_unknown_field", field=", ".join(sorted(unknown)))
    return EyesRecipe(**values)


def names() -> list[str]:
    """The fields in their order."""
    return [field.name for field in fields(EyesRecipe)]


def suggest(machine: Machine, captions: int, talks: int, **chosen: Any) -> tuple[Recipe, EyesRecipe]:
    """Both for a picture set of so many rows. `chosen` are settings of either that stand.

    CPU: the captions three times and the talks once, but no more steps than PRETRAIN's and FINETUNE's, and at least
    forty: a handful of pictures is looked at again and again. Saved once, at its end: it takes minutes, and the exam of
    a checkpoint takes one more. GPU: QLoRA, or LoRA in fp32 on one without bf16, as XTuner's own LLaVA configs do it,
    with a smaller batch. Raises UserError(recipe_too_small).
    """
    own = {field: value for field, value in chosen.items() if field in names()}
    plain = {field: value for field, value in chosen.items() if field not in own}
    eyes, recipe = replace(PRETRAIN, **own), replace(FINETUNE if machine.device == "cpu" else _on_gpu(machine), **plain)
    recipes.refuse_too_small(recipe)  # before anything is divided by what was chosen
    most_first, most = (PRETRAIN.pretrain_steps, FINETUNE.steps) if machine.device == "cpu" else (captions, talks)
    first = min(most_first, max(40, math.ceil(3 * captions / eyes.pretrain_batch_size))) if captions else 0
    steps = plain.get("steps", min(most, max(40, math.ceil(talks / recipe.rows_a_step))))
    every = max(1, steps if machine.device == "cpu" else math.ceil(steps / 2))
    suggested = {"steps": every * math.ceil(steps / every), "save_every": every}
    if eyes.pretrained:
        first = 0
    return replace(recipe, **{**suggested, **plain}), replace(eyes, **{"pretrain_steps": first, **own})


def _on_gpu(machine: Machine) -> Recipe:
    method, precision = ("qlora", "bf16") if machine.bf16 else ("lora", "fp32")
    return replace(
        FINETUNE, method=method, precision=precision, learning_rate=2e-4, lora_rank=64, lora_alpha=16,
        lora_plus_ratio=1.0, lora_dropout=0.05, max_length=1024, activation_checkpointing=True,
    )  # fmt: skip
