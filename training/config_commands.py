"""`python -m training configs` and `config`, and `start --config`, as the command line has them."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from training import built_in_configs, config_check, dataset, machine, models, tokens
from training.errors import UserError
from training.eyes import picture_sets
from training.recipe import Recipe


def searched(options: argparse.Namespace) -> dict[str, Any]:
    """XTuner's own configs by words of their names: what `xtuner list-cfg` lists."""
    found = built_in_configs.names(" ".join(options.words))
    if options.json:
        return {"configs": found}
    print("\n".join(found))
    return {}


def opened(options: argparse.Namespace, plan: Recipe) -> dict[str, Any]:
    """One of them, fitted to a model and a dataset: what `xtuner copy-cfg` and an evening of editing give."""
    text = built_in_configs.fitted(built_in_configs.read(options.config), fit(options.dataset, options.model, plan))
    return {"config": options.config, "kind": built_in_configs.kind(text), "text": text}


def fit(data: str, model: str, plan: Recipe) -> built_in_configs.Fit:
    """What a config is fitted to. Raises UserError (dataset_missing, model_missing)."""
    if data in picture_sets.names():
        raise UserError("eyes_own_config")
    rows = tokens.measure(data, model).rows
    return built_in_configs.Fit(plan, models.place(model), dataset.path(data), rows, machine.look().device)


def checked(file: str, plan: Recipe) -> tuple[str, Recipe]:
    """The text of a config file, and its recipe once it was checked. Raises UserError (config_missing, config_...)."""
    try:
        text = Path(file).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "UTF-8?"
        raise UserError("config_missing", path=file, reason=reason) from error
    return text, config_check.check(text).recipe(plan)
