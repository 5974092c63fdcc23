"""What `python -m training import` and `mix` do with their arguments; command_line.py has the parser."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training import dataset, machine, models, recipe, tokens
from training import mix as mixes
from training.errors import UserError
from training.importing import intake, report_words, staging
from training.importing.problems import Problem
from training.persona import Persona
from training.sentences import sentence

Answer = dict[str, Any]


def import_file(options: argparse.Namespace, persona: Persona | None) -> Answer:
    """A file becomes a dataset: its report, with every sentence on stderr, and what it is for a model."""
    name = dataset.checked_name(options.out)
    _refuse(options)
    with staging.folder() as place:
        report = intake.take_in(Path(options.file), place, _read, persona, options.distinct)
        lists = staging.keep_lists(place, name)
        if report.rows:
            dataset.take(name, place)
    for line in report_words.lines(report, options.language):
        _say(line)
    told = {**asdict(report), "problems": [_problem(each, options.language) for each in report.problems], **lists}
    if not report.rows:
        nothing = UserError("import_nothing_good", file=report.file, bad=report.bad).sentence(options.language)
        _say(nothing)
        return {**told, "ok": False, "error": "import_nothing_good", "message": nothing}
    return {"dataset": name, "path": str(dataset.path(name)), **told, **_lengths(name, options)}


def _refuse(options: argparse.Namespace) -> None:
    """Raises UserError for what would come up only when the rows are saved (dataset_..., model_...)."""
    dataset.refuse_taken(options.out, options.replace)
    models.place(options.model)


def _lengths(name: str, options: argparse.Namespace) -> Answer:
    """What the dataset is for a model: tokens, the suggested steps, and the rows these would cut, which is said."""
    measured = tokens.measure(name, options.model)
    plan = recipe.suggest(machine.look(), measured)
    longer, mute = measured.longer(plan.max_length), 0 if plan.pack else measured.mute(plan.max_length)
    if longer:
        _say(sentence("meter.cut", options.language, rows=longer, limit=plan.max_length))
    if mute:
        _say(sentence("meter.mute", options.language, rows=mute))
    return {
        "model": options.model,
        "tokens": measured.tokens,
        "tokens_exact": measured.exact,
        "longest": measured.longest,
        "steps": plan.steps,
        "max_length": plan.max_length,
        "longer": longer,
        "mute": mute,
    }


def mix(options: argparse.Namespace) -> Answer:
    """Several datasets become one: NAME=RATIO for each."""
    parts: dict[str, float] = {}
    for part in options.parts:
        name, _, ratio = part.rpartition("=") if "=" in part else (part, "", "1")
        if name in parts:
            raise UserError("mix_twice", name=name)
        try:
            parts[name] = float(ratio)
        except ValueError as error:
            raise UserError("mix_ratio", name=name, value=ratio or '""', most=mixes.MOST) from error
    _refuse(options)
    file = mixes.mix(options.out, parts, options.seed, options.distinct, _mixed)
    if len(mixes.forecast(parts).people) > 1:
        _say(sentence("mix.two_people", options.language, people=", ".join(mixes.forecast(parts).people)))
    return {
        "dataset": options.out,
        "path": str(file),
        **dataset.card(options.out)["summary"],
        **_lengths(options.out, options),
    }


def _read(progress: intake.Progress) -> None:
    if sys.stderr.isatty():
        print(f"\r{progress.share:4.0%} {progress.rows} rows, {progress.bad} bad", end="\r", file=sys.stderr)


def _mixed(rows: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{rows} of {of} rows", end="\r", file=sys.stderr)


def _problem(problem: Problem, language: str) -> Answer:
    return {"row": problem.row, "field": problem.field, "code": problem.code, "reason": problem.sentence(language)}


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
