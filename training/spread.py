"""Whether a recipe's processes, GPUs, meeting point and kind of attention can be had on this machine."""

from __future__ import annotations

from importlib.util import find_spec

from training import machine as machines
from training import recipe as recipes
from training import xtuner
from training.errors import UserError
from training.machine import Machine
from training.recipe import Recipe

DISPATCHED = ("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM")
"""Models whose attention XTuner 0.2.0 replaces under transformers 4.57 (xtuner.model.modules.dispatch)."""


def checked(recipe: Recipe, machine: Machine, architecture: str = "") -> Recipe:
    """The recipe itself. Raises the first problem of its own, or of this machine and this kind of model with it."""
    recipes.checked(recipe)
    for problem in problems(recipe, machine, architecture):
        raise problem
    return recipe


def problems(recipe: Recipe, machine: Machine, architecture: str = "") -> list[UserError]:
    """Everything that this machine does not have, at once."""
    found = _on_gpus(recipe, machine) if machine.gpus else _on_cpu(recipe, machine)
    found += _attending(recipe, machine, architecture)
    port = xtuner.meeting_port(recipe)
    if recipe.distributed and port and not machines.is_free(port):
        found.append(UserError("meeting_port_taken", port=port))
    return found


def _on_gpus(recipe: Recipe, machine: Machine) -> list[UserError]:
    here = {gpu.number for gpu in machine.gpus}
    gone = sorted(set(recipe.gpus) - here)
    if gone:
        numbers = ", ".join(map(str, sorted(here)))
        return [UserError("gpu_gone", gpu=", ".join(map(str, gone)), here=numbers)]
    usable = len(set(recipe.gpus) or here)
    return [UserError("too_many_processes", processes=recipe.processes, gpus=usable)] * (recipe.processes > usable)


def _attending(recipe: Recipe, machine: Machine, architecture: str) -> list[UserError]:
    """Both ways are XTuner's own forward on top of flash-attention, which wants Ampere GPUs and 16 bits."""
    if not recipe.varlen_attention and recipe.sequence_parallel == 1:
        return []
    if not machine.bf16 or not find_spec("flash_attn") or recipe.precision == "fp32":
        return [UserError("flash_attention_missing")]
    fits = not architecture or architecture in DISPATCHED
    return [] if fits else [UserError("flash_attention_not_for", architecture=architecture)]


def _on_cpu(recipe: Recipe, machine: Machine) -> list[UserError]:
    found = []
    if recipe.gpus:
        found.append(UserError("gpu_none", gpu=", ".join(map(str, recipe.gpus))))
    if recipe.processes > machine.cores:
        found.append(UserError("too_many_processes_on_cpu", processes=recipe.processes, cores=machine.cores))
    if recipe.deepspeed.endswith("_offload"):
        found.append(UserError("offload_without_gpu", instead=recipe.deepspeed.removesuffix("_offload")))
    if recipe.method == "qlora" and recipe.deepspeed == "zero3":
        found.append(UserError("qlora_zero3_on_cpu"))
    return found
