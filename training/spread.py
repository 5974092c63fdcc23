"""Whether a recipe's processes, GPUs and meeting point can be had on this machine."""

from __future__ import annotations

from training import machine as machines
from training import recipe as recipes
from training import xtuner
from training.errors import UserError
from training.machine import Machine
from training.recipe import Recipe


def checked(recipe: Recipe, machine: Machine) -> Recipe:
    """The recipe itself. Raises the first problem of its own, or of this machine with it."""
    recipes.checked(recipe)
    for problem in problems(recipe, machine):
        raise problem
    return recipe


def problems(recipe: Recipe, machine: Machine) -> list[UserError]:
    """Everything that this machine does not have, at once."""
    found = _on_gpus(recipe, machine) if machine.gpus else _on_cpu(recipe, machine)
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
