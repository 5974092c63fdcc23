"""`python -m training presets` (list, save, show, delete) and `start --preset`, as the command line has them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from training import machine, models, preset_file, presets, recipe, runs, tokens
from training.preset_file import Preset
from training.recipe import Recipe
from training.sentences import sentence

Answer = dict[str, Any]


def add_to(parser: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """The actions of `presets`; alone it lists."""
    actions = parser.add_subparsers(metavar="ACTION")

    def action(name: str, does: Callable[[argparse.Namespace], Answer], text: str) -> argparse.ArgumentParser:
        sub = actions.add_parser(name, parents=[common], help=text, description=text)
        sub.set_defaults(does=does)
        return sub

    action("list", listed, "the presets that are saved")
    sub = action("save", saved, "keep settings under a name: those of a run, of a file, or given one by one")
    sub.add_argument("preset", nargs="?", default="", metavar="NAME", help="what it is called (as the file says)")
    source = sub.add_mutually_exclusive_group()
    source.add_argument("--run", default="", help="take the settings of this run")
    source.add_argument("--file", default="", help="take a preset that somebody else has saved")
    sub.add_argument("--set", dest="given", action="append", default=[], metavar="SETTING=VALUE", help="once for each")
    sub.add_argument("--replace", action="store_true", help="in place of the preset that has this name")
    sub = action("show", shown, "print a preset's file, and what it changes for a dataset")
    sub.add_argument("preset", metavar="NAME")
    sub.add_argument("--dataset", default="", help="tell what differs from what is suggested for this dataset")
    sub.add_argument("--model", default=models.STARTER, help="and for this model (starter)")
    action("delete", deleted, "remove a preset").add_argument("preset", metavar="NAME")


def listed(options: argparse.Namespace) -> Answer:
    """The names of the presets."""
    if options.json:
        return {"presets": presets.names()}
    for name in presets.names():
        print(name)
    return {}


def saved(options: argparse.Namespace) -> Answer:
    """A preset is kept; one that has its name stays, unless it shall be replaced."""
    source = presets.read(Path(options.file).expanduser()) if options.file else None
    settings = dict(source.settings) if source else {}
    if options.run:
        settings = presets.settings_of(recipe.from_dict(runs.spec(options.run)["recipe"]))
    settings |= dict(_setting(text) for text in options.given)
    name = options.preset or (source.name if source else "")
    place = presets.save(Preset(name, settings), options.replace)
    return {"preset": place.stem, "path": str(place)}


def _setting(text: str) -> tuple[str, Any]:
    """SETTING=VALUE as the setting has it: text as it stands, anything else as in JSON."""
    field, _, value = text.partition("=")
    if isinstance(getattr(Recipe(), field, None), str):
        return field, value
    try:
        return field, json.loads(value)
    except ValueError:
        return field, value  # of the wrong kind, which is said when it is checked


def shown(options: argparse.Namespace) -> Answer:
    """A preset, and what it changes."""
    preset = presets.load(options.preset)
    if not options.json:
        print(preset_file.written(preset), end="")
    answer: Answer = {"preset": preset.name, "settings": preset.settings, "path": str(presets.path(preset.name))}
    if options.dataset:
        changes = presets.changes(*_with_and_without(preset, options.dataset, options.model))
        answer["changes"] = {field: {"value": mine, "suggested": theirs} for field, (mine, theirs) in changes.items()}
        for field, (mine, theirs) in changes.items():
            line = sentence("presets.change", options.language, field=field, value=mine, usual=theirs)
            print(line, file=sys.stderr)
    return answer if options.json else {}


def _with_and_without(preset: Preset, data: str, model: str) -> tuple[Recipe, Recipe]:
    here, measured, traits = machine.look(), tokens.measure(data, model), models.traits(model)
    settled: Answer = dict(preset.settings)
    return recipe.suggest(here, measured, **{**traits, **settled}), recipe.suggest(here, measured, **traits)


def deleted(options: argparse.Namespace) -> Answer:
    """A preset is gone."""
    presets.delete(options.preset)
    return {"deleted": options.preset}


def settings(name: str | None) -> dict[str, Any]:
    """What `--preset NAME` settles; nothing without one."""
    return dict(presets.load(name).settings) if name else {}
