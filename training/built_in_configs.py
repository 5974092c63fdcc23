"""XTuner's own configs: searched (list-cfg), opened (copy-cfg), and fitted to our model and data, as the course does.

A config is read as text and taken apart by Python's ast; it is executed only in processes of its own
(config_check.py, a run). What is put in goes in through repr(); whatever is not named here stays byte for byte.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from training.errors import UserError
from training.recipe import Recipe
from training.xtuner_config import OWN_CODE

KINDS = {
    "reward": "RewardModel",
    "dpo": "DPO",
    "orpo": "ORPO",
    "eyes": "LLaVAModel",
    "internvl": "InternVL_V1_5",
    "talk": "SupervisedFinetune",
}
"""What a config trains, by the class of its `model`."""
STARTABLE = "talk"
"""The kind that takes conversations. Without a chat template it is `text`: running text."""


def names(words: str = "") -> list[str]:
    """The built-in configs whose names hold every word. Raises UserError(xtuner_missing)."""
    wanted = words.lower().split()
    return [name for name in sorted(_paths()) if all(word in name.lower() for word in wanted)]


def read(name: str) -> str:
    """The text of a built-in config. Raises UserError (xtuner_missing, config_unknown)."""
    path = _paths().get(name)
    if path is None:
        raise UserError("config_unknown", name=name)
    return path.read_text(encoding="utf-8")


def _paths() -> dict[str, Path]:
    found = find_spec("xtuner")
    if found is None or not found.submodule_search_locations:
        raise UserError("xtuner_missing")
    root = Path(next(iter(found.submodule_search_locations))) / "configs"
    return {path.stem: path for path in root.rglob("*.py") if not path.name.startswith((".", "_"))}


def kind(text: str) -> str:
    """What the config trains: a key of `KINDS`, `text`, or `other`. Raises UserError(config_broken)."""
    tree = parsed(text)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    found = next((key for key, name in KINDS.items() if name in used), "other")
    if found != STARTABLE:
        return found
    if "template_map_fn_factory" not in used:
        return "text"
    return found if _first_dataset(tree) else "other"


def parsed(text: str) -> ast.Module:
    """The config as a tree. Raises UserError(config_broken) with the line."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError) as error:
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UserError("config_broken", line=getattr(error, "lineno", 0) or 0, reason=said) from error


@dataclass(frozen=True)
class Fit:
    """What a config is fitted to."""

    recipe: Recipe
    """Its length, saving, evaluation, system and template; the rest of the config's recipe is the config's own."""
    model: Path
    data: Path
    rows: int
    device: str

    def settings(self, accumulation: int, batch_size: int) -> dict[str, Any]:
        """Values by the names that XTuner's configs give them. They count iterations: a batch each."""
        recipe = self.recipe
        passes = max(1, round(recipe.steps * recipe.rows_a_step / max(1, self.rows)))
        iterations = max(1, passes * self.rows // (batch_size * recipe.processes * recipe.nodes))
        return {
            "pretrained_model_name_or_path": str(self.model),
            "max_length": recipe.max_length,
            "max_epochs": passes,
            # XTuner's schedule crashes when the learning rate rises for less than two iterations.
            "warmup_ratio": min(0.5, max(0.03, round(4 / iterations, 4))),
            "save_steps": recipe.save_every * accumulation,
            "save_total_limit": recipe.keep_checkpoints,
            "evaluation_freq": recipe.save_every * accumulation,
            "evaluation_inputs": list(recipe.evaluation_inputs),
            "SYSTEM": recipe.system.replace("{", "{{").replace("}", "}}"),
        }


def fitted(text: str, fit: Fit) -> str:
    """The config with our model, data, length, passes, saving and evaluation, ready to run here.

    Where it mixes several datasets, ours takes the place of the first one. Kinds that need other data than
    conversations only get the model. Raises UserError(config_broken).
    """
    tree = parsed(text)
    assigned = _assigned(tree)
    values = fit.settings(*(_number(assigned, name) for name in ("accumulative_counts", "batch_size")))
    if kind(text) != STARTABLE:
        values = {"pretrained_model_name_or_path": str(fit.model)}
    new = {name: repr(value) for name, value in values.items()}
    edits = [*_remote_code(tree)]
    tail = ""
    if kind(text) == STARTABLE:
        new["prompt_template"] = f"getattr(PROMPT_TEMPLATE, {fit.recipe.prompt_template!r})"
        edits += _data(tree, str(fit.data), new)
        tail = _TAIL + OWN_CODE + (_CPU if fit.device == "cpu" else "")
    edits += [(assigned[name], value) for name, value in new.items() if name in assigned]
    return _replaced(text, edits) + tail


def changes(name: str, text: str) -> str:
    """What differs from the built-in config, as a unified diff."""
    lines = difflib.unified_diff(read(name).splitlines(), text.splitlines(), name, "config.py", n=1, lineterm="")
    return "\n".join(lines)


Edit = tuple[ast.AST, str]


def _assigned(tree: ast.Module) -> dict[str, ast.AST]:
    """The values of the settings: what stands right of `name = ...` at the top level."""
    return {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


def _number(assigned: dict[str, ast.AST], name: str) -> int:
    node = assigned.get(name)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else 1


def _remote_code(tree: ast.Module) -> Iterator[Edit]:
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
            yield node.value, "False"


def _first_dataset(tree: ast.Module) -> tuple[str, dict[str, ast.AST]] | None:
    """The name and the arguments of the first dataset that conversations can take the place of."""
    for name, value in _assigned(tree).items():
        given = _keywords(value)
        if _name(given.get("type")) == "process_hf_dataset" and {"dataset", "dataset_map_fn"} <= given.keys():
            return name, given
    return None


def _data(tree: ast.Module, data: str, new: dict[str, str]) -> Iterator[Edit]:
    """Edits that let the first dataset be ours, and the dataloader take it."""
    found = _first_dataset(tree)
    if found is None:
        return
    name, given = found
    source = _keywords(given["dataset"])
    place = _name(source.get("data_files")) or _name(source.get("path"))
    if place:
        new[place] = repr(data)
    yield given["dataset"], f'dict(type=load_dataset, path="json", data_files=dict(train={place or repr(data)}))'
    yield given["dataset_map_fn"], "openai_map_fn"
    loader = _keywords(_assigned(tree).get("train_dataloader"))
    if "dataset" in loader:
        yield loader["dataset"], name
    yield from _import_of_the_map(tree)


def _import_of_the_map(tree: ast.Module) -> Iterator[Edit]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "xtuner.dataset.map_fns":
            held = dict.fromkeys([*(each.name for each in node.names), "openai_map_fn"])
            yield node, f"from xtuner.dataset.map_fns import {', '.join(sorted(held))}"
            return


def _keywords(node: ast.AST | None) -> dict[str, ast.AST]:
    return {each.arg: each.value for each in node.keywords if each.arg} if isinstance(node, ast.Call) else {}


def _name(node: ast.AST | None) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _replaced(text: str, edits: list[Edit]) -> str:
    """`text` with each node's piece replaced; ast counts columns in bytes."""
    lines = text.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def span(node: Any) -> tuple[int, int]:
        return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset

    raw = text.encode()
    for (begin, end), piece in sorted(((span(node), piece) for node, piece in edits), reverse=True):
        raw = raw[:begin] + piece.encode() + raw[end:]
    return raw.decode()


_TAIL = """
#######################################################################
#                      PART 6  Assistant Studio                       #
#######################################################################
from training.xtuner_hooks import StopAndKeepHook

custom_hooks.append(dict(type=StopAndKeepHook))
# A line for each iteration, as the page's curve needs it.
default_hooks["logger"]["interval"] = 1
log_processor = dict(by_epoch=False, window_size=1)
"""
_CPU = """
# What a CPU needs: fp32, no mixed precision, and another way for processes to talk to each other.
import torch
from mmengine.optim import OptimWrapper

model["llm"]["torch_dtype"] = torch.float32
if "quantization_config" in model["llm"]:
    model["llm"]["quantization_config"]["bnb_4bit_compute_dtype"] = torch.float32
for setting in ("loss_scale", "dtype"):
    optim_wrapper.pop(setting, None)
optim_wrapper["type"] = OptimWrapper
env_cfg["dist_cfg"]["backend"] = "gloo"
"""
