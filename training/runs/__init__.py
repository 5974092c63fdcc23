"""Runs as the page and the scripts see them: start, look, stop, resume, queue, rename, delete.

A run is a folder in HOME/runs with one detached process; this room is the door to the rooms that know the parts.
"""

from __future__ import annotations

import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from training import dataset, machine, models, spread, tokens, xtuner, xtuner_config
from training import process as processes
from training.errors import UserError
from training.eyes import encoders, eyes_recipe, picture_sets
from training.eyes.eyes_recipe import EyesRecipe
from training.models import chat_template
from training.recipe import Recipe
from training.runs import launch, stages
from training.runs import queue as turns
from training.runs.history import clean_up, delete, note, rename, size
from training.runs.queue import queued, reorder
from training.runs.record import active, folder, look, merged, names, spec
from training.runs.resumption import continues, resumable, resume, resume_point, resume_points
from training.runs.status import RunStatus

__all__ = [
    "Preview", "RunStatus", "active", "clean_up", "continues", "delete", "folder", "look", "merged", "names", "note",
    "preview", "queued", "rename", "reorder", "resumable", "resume", "resume_point", "resume_points", "size", "spec",
    "start", "stop",
]  # fmt: skip

STOP_GRACE = 20.0
"""Seconds a discarded run has to end by itself before it is killed."""


@dataclass(frozen=True)
class Preview:
    """What Start would run."""

    config: str
    command: str
    plain_command: str


def preview(dataset_name: str, model: str, recipe: Recipe, eyes: EyesRecipe | None = None) -> Preview:
    """The XTuner config and commands of a run that is not started; with pictures those of both stages.

    Raises UserError.
    """
    here, place = machine.look(), models.place(model)
    checked = spread.checked(recipe, here, models.architecture(place))
    if eyes:
        return _preview_with_eyes(dataset_name, place, checked, eyes, here.device)
    _check_template(model, recipe)
    rows = dataset.path(dataset_name)
    config, work = Path("config.py"), Path("work")
    text = xtuner_config.render(checked, place, rows, here.device)
    command = subprocess.list2cmdline(xtuner.train(config, work, recipe))
    return Preview(text, command, xtuner.plain_train(config, work, recipe))


def _preview_with_eyes(name: str, place: Path, recipe: Recipe, eyes: EyesRecipe, device: str) -> Preview:
    eyes_recipe.checked(recipe, eyes, len(picture_sets.load(name).captions))
    spec = {"recipe": asdict(recipe), "eyes": asdict(eyes), "model_folder": str(place), "device": device}
    spec["encoder_folder"] = str(encoders.place(eyes.encoder))
    found = stages.of(Path(), spec)
    texts = [f"# {each.config}\n{stages.rendered(each, Path(), spec)}" for each in found]
    commands = [subprocess.list2cmdline(xtuner.train(each.config, each.work, each.recipe)) for each in found]
    plain = [xtuner.plain_train(each.config, each.work, each.recipe) for each in found]
    return Preview(*("\n".join(lines) for lines in (texts, commands, plain)))


def start(
    dataset_name: str,
    model: str,
    recipe: Recipe,
    name: str = "",
    queue: bool = False,
    config: str = "",
    eyes: EyesRecipe | None = None,
) -> str:
    """Start a run and return its id; it goes on without whoever started it.

    `config`: a text of XTuner's kind to run instead of the one made of the recipe, which has to tell what is in it
    (config_check.py). `eyes`: with pictures; then `dataset_name` is a picture set. While another run needs the same
    device: UserError(run_active), or with `queue` it waits for its turn. Raises UserError: dataset_missing,
    dataset_broken, picture_set_..., model_missing, recipe and projector problems, rows_all_too_long, disk_full,
    run_did_not_start.
    """
    there: Any = (picture_sets if eyes else dataset).load(dataset_name)
    here, model_folder = machine.look(), models.place(model)
    spread.checked(recipe, here, models.architecture(model_folder))
    if eyes:
        eyes_recipe.checked(recipe, eyes, len(there.captions))
    else:
        _check_lengths(dataset_name, model, recipe)
        if not config:
            _check_template(model, recipe)
    wish = launch.Wish(dataset_name, model, recipe, eyes, config, name)
    with turns.locked():
        launch.sweep()
        needs = turns.devices({"device": here.device, "recipe": asdict(recipe)})
        busy = turns.ahead(None, needs)
        if busy and not queue:
            raise UserError("run_active", run=busy)
        made = launch.new_folder(wish, model_folder)
        turns.append(made.name)
        launch.launch(made)
    return made.name


def _check_template(model: str, recipe: Recipe) -> None:
    # The exam and the chat ask as the model's own template does. Where neither is known, they may well be the same.
    form = models.form_of(model)
    if form is not chat_template.named(recipe.prompt_template):
        fitting = form.prompt_templates[0] if form else ""
        code = "model_template_other" if form else "model_template"
        raise UserError(code, model=model, template=recipe.prompt_template, fitting=fitting)


def _check_lengths(dataset_name: str, model: str, recipe: Recipe) -> None:
    measured = tokens.measure(dataset_name, model)
    if not recipe.pack and measured.mute(recipe.max_length) >= measured.rows:
        raise UserError("rows_all_too_long", name=dataset_name, limit=recipe.max_length)


def stop(run: str, keep: bool = False) -> RunStatus:
    """End a run. `keep`: after the step at hand, saved, converted and merged (the run process goes on with that, and
    this call returns at once). Otherwise, and for a run that still waits for its turn, everything ends now, and this
    call returns when the last process is gone.
    """
    now = look(run)
    if not now.live:
        return now
    keep = keep and now.phase != "queued"
    guard = processes.guardian(now.pid)
    processes.ask_to_stop(now.pid, now.mark, keep)
    if keep:
        return look(run)
    deadline = time.monotonic() + STOP_GRACE
    while processes.is_alive(now.pid, now.mark) and time.monotonic() < deadline:
        time.sleep(0.1)
    if processes.is_alive(now.pid, now.mark):
        processes.end_tree(now.pid, grace=1)
    psutil.wait_procs([guard] if guard else [], timeout=STOP_GRACE)
    return look(run)
