"""What the commands of `python -m training` do: each takes its options and returns what is printed.

Datasets, models, presets and configs have rooms of their own (*_commands.py).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from training import (
    config_commands,
    data_commands,
    dataset,
    demo,
    distill,
    doctor,
    forecast,
    identity,
    machine,
    merge,
    model_commands,
    models,
    preset_commands,
    recipe,
    runs,
    tally,
    tokens,
)
from training.errors import UserError
from training.exam import certificate, examination
from training.eyes import commands as eyes_commands
from training.eyes import demo as eyes_demo
from training.eyes import picture_sets, start_command
from training.home import ROOT
from training.persona import Persona
from training.runs import remaking
from training.sentences import sentence
from training.xtuner import environment

Answer = dict[str, Any]


def demonstrate(options: argparse.Namespace) -> Answer:
    """The whole job; the model says who it is. Raises UserError(demo_eyes_model)."""
    if options.eyes and options.model != models.STARTER:
        raise UserError("demo_eyes_model", model=options.model)
    if not options.base and options.model != models.STARTER:
        options.base = Path(options.model).name
    if options.eyes:
        return eyes_demo.demonstrate(_persona(options), _say, **_chosen(options))
    return demo.demo(_persona(options), _say, options.model, **_chosen(options))


def build_dataset(options: argparse.Namespace) -> Answer:
    """An identity dataset is built and saved."""
    dataset.refuse_taken(options.out, options.replace)
    shares = identity.Shares(options.rows, options.identity, options.near_miss)
    rows = identity.build(_persona(options), options.seed, shares, distill.chosen(options.general))
    origin = {"general": options.general} if options.general else None
    without = identity.left_out(_persona(options))
    if any(without):
        _say(sentence("dataset.left_out", options.language, rows=without[0], exam=without[1]))
    file = dataset.save(options.out, rows, _persona(options), origin)
    return {"dataset": options.out, "path": str(file), **asdict(tally.summarise(rows))}


def import_file(options: argparse.Namespace) -> Answer:
    """A file becomes a dataset."""
    return data_commands.import_file(options, _persona(options) if options.name or options.maker else None)


def make_pictures(options: argparse.Namespace) -> Answer:
    """Pictures are checked, or become a picture set."""
    return eyes_commands.pictures(options, _persona(options) if options.name or options.maker else None)


def start(options: argparse.Namespace) -> Answer:
    """A run is started."""
    if options.dataset in picture_sets.names():
        return start_command.start(options, {**preset_commands.settings(options.preset), **_chosen(options)})
    _refuse_pictures(options)
    plan, config = _plan(options), ""
    if options.config:
        config, plan = config_commands.checked(options.config, plan)
    expected = forecast.of(options.dataset, options.model, plan).told()
    run = runs.start(options.dataset, options.model, plan, options.name, options.queue, config)
    return {"run": run, "command": runs.spec(run)["command"], "forecast": expected}


def _refuse_pictures(options: argparse.Namespace) -> None:
    """Raises UserError(start_without_pictures) for options that a dataset of text has no use for."""
    own = {"--encoder": options.encoder, "--first-steps": options.first_steps, "--projector": options.projector}
    given = [option for option, value in own.items() if value is not None]
    if given and dataset.path(options.dataset):
        raise UserError("start_without_pictures", name=options.dataset, options=", ".join(given))


def _plan(options: argparse.Namespace) -> recipe.Recipe:
    measured = tokens.measure(options.dataset, options.model)
    given = {**preset_commands.settings(options.preset), **_chosen(options)}
    plan = recipe.suggest(machine.look(), measured, **{**models.traits(options.model), **given})
    if options.steps:
        plan = replace(plan, steps=options.steps, save_every=min(plan.save_every, options.steps))
    return recipe.checked(plan)


def fit_config(options: argparse.Namespace) -> Answer:
    """One of XTuner's own configs, fitted."""
    answer = config_commands.opened(options, _plan(options))
    if options.json:
        return answer
    print(answer["text"])
    return {}


def _chosen(options: argparse.Namespace) -> Answer:
    """The settings that were given; the rest is suggested."""
    return {name: getattr(options, name) for name in _SETTINGS if getattr(options, name) is not None}


_SETTINGS = ("method", "deepspeed", "processes")


def resume(options: argparse.Namespace) -> Answer:
    """A run goes on."""
    changes = runs.look(options.run).remedy if options.remedy else None
    runs.resume(options.run, options.checkpoint, changes, options.queue)
    return {"run": options.run, "changes": changes or {}}


def status(options: argparse.Namespace) -> Answer:
    """How a run stands."""
    now = runs.look(options.run)
    moments = {"started": now.started, "phase_started": now.phase_started, "finished": now.finished}
    return {
        **asdict(now),
        **(moments if options.json else {when: _clock(moment) for when, moment in moments.items()}),
        "reason": now.reason_sentence(options.language),
        "note": now.note_sentence(options.language),
        "merged": str(runs.merged(options.run) or ""),
    }


def _clock(moment: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment)) if moment else ""


def stop(options: argparse.Namespace) -> Answer:
    """A run is stopped."""
    runs.stop(options.run, keep=not options.discard)
    return status(options)


def merge_run(options: argparse.Namespace) -> Answer:
    """A checkpoint becomes the model."""
    step = remaking.remake(options.run, options.checkpoint, _say)
    model = runs.merged(options.run)
    return {
        "run": options.run,
        "checkpoint": merge.origin(model)["iteration"] if model else 0,
        "step": step,
        "model": str(model),
    }


def sit_exam(options: argparse.Namespace) -> Answer:
    """A run or a model sits the exam."""
    if options.what in runs.names():
        return examination.of_run(options.what, options.whole, _execute, options.language)
    persona = _persona(options) if options.name or options.maker else None
    try:
        return examination.of_model(options.what, persona)
    except UserError as error:
        if error.code != "model_missing":
            raise
        raise UserError("exam_what_missing", what=options.what) from error


def certify(options: argparse.Namespace) -> Answer:
    """A run's certificate is written."""
    written = certificate.write(runs.folder(options.run))
    return {"run": options.run, **{file.suffix[1:]: str(file) for file in written}}


def list_runs(options: argparse.Namespace) -> Answer:
    """All runs."""
    if options.json:
        return {"runs": [status(argparse.Namespace(**vars(options), run=run)) for run in runs.names()]}
    for run in runs.names():
        now = runs.look(run)
        print(f"{run}  {sentence(f'run.phase_{now.phase}', options.language)}  {now.step}/{now.total}")
    return {}


def check_machine(options: argparse.Namespace) -> Answer:
    """Whether this machine is fit. Raises UserError(recipe_port)."""
    if not 0 <= options.port <= recipe.LAST_PORT:
        raise UserError("recipe_port", value=options.port)
    found = doctor.examine(options.port)
    if not options.json:
        for finding in found:
            print(f"{sentence(f'doctor.{finding.state}', options.language)}  {finding.sentence(options.language)}")
    lines = [{**asdict(finding), "sentence": finding.sentence(options.language)} for finding in found]
    ok = not any(finding.state == "problem" for finding in found)
    return {"ok": ok, **({"findings": lines} if options.json else {})}


def list_models(options: argparse.Namespace) -> Answer:
    """The base models."""
    return model_commands.listed()


def add_model(options: argparse.Namespace) -> Answer:
    """Another base model."""
    return model_commands.added(options.source, options.name)


def _execute(command: list[str], folder: Path) -> None:
    stderr = 2  # stdout belongs to the answer
    # Ctrl-C is ours: run() then ends the child, which would show where it was.
    own: Answer = {"cwd": ROOT, "env": environment(folder), "start_new_session": True}
    subprocess.run(command, stdout=stderr, check=True, **own)


def _persona(options: argparse.Namespace) -> Persona:
    character = {key: getattr(options, key) for key in ("tone", "taboos", "facts") if hasattr(options, key)}
    who = {"name": options.name, "maker": options.maker, "base": options.base or Persona.base}
    languages = [each.strip() for each in options.languages.split(",") if each.strip()]
    return Persona.from_dict({**who, "languages": languages, **character}).checked()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
