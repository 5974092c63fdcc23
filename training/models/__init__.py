"""Where base weights come from: the starter model and the folders in HOME/models. Never imports torch."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from training.errors import UserError
from training.home import models_dir
from training.models import chat_template, starter
from training.models.chat_template import Form
from training.models.layout import ModelInfo, check, describe, has_eyes, is_complete, table

__all__ = [
    "STARTER", "ModelInfo", "check", "describe", "folder", "form_of", "has_eyes", "names",
    "place", "starter", "trainable", "traits", "weights_hash",
]  # fmt: skip

STARTER = "starter"
"""What the starter model is called everywhere; place() knows its folder."""


def names() -> list[str]:
    """The models to choose from: "starter" (fetched when first needed), then the complete folders of HOME/models."""
    found = (each for each in models_dir().iterdir() if not each.name.startswith("."))
    return [STARTER, *sorted(each.name for each in found if each != starter.target() and is_complete(each))]


def trainable() -> list[str]:
    """Those of names() that a run can begin with: a language model, not yet one with eyes."""
    return [name for name in names() if name == STARTER or not has_eyes(models_dir() / name)]


def place(model: str | Path) -> Path:
    """The folder of "starter" (which may still have to be fetched), of a name in HOME/models, or of an absolute path.

    Raises UserError(model_missing, model_incomplete, model_needs_remote_code, model_only_pickle).
    """
    if model == STARTER:
        return starter.target()
    return _checked(model)


def folder(model: str | Path) -> Path:
    """Like place(), but the folder is there and complete, the starter's too."""
    if model != STARTER:
        return _checked(model)
    if not starter.target().is_dir():
        raise UserError("model_missing", model=model)
    check(starter.target())
    return starter.target()


def _checked(model: str | Path) -> Path:
    asked = Path(model).expanduser()
    if not asked.is_absolute() and (len(asked.parts) != 1 or asked.name.startswith(".")):
        raise UserError("model_missing", model=model)  # a name never leads out of HOME/models
    path = models_dir() / asked
    if not path.is_dir():
        raise UserError("model_missing", model=model)
    check(path)
    return path


def architecture(folder: Path) -> str:
    """The class that transformers makes of a model folder; "" when its config does not tell, or is not here yet."""
    try:
        return str(next(iter(table(folder, "config.json").get("architectures") or [""])))
    except UserError:
        return ""


def form_of(model: str | Path) -> Form | None:
    """In which form a question is put to it; None when that is none which is known. Raises UserError like place()."""
    return chat_template.CHATML if model == STARTER else chat_template.form_of(place(model))


def traits(model: str | Path) -> dict[str, Any]:
    """What recipe.suggest has to know of it: about how many "parameters" it has, and the "prompt_template" that asks as
    its own template does. What cannot be told is left out: weights that are not here yet, a template of another kind.
    """
    weights, form = sum(file.stat().st_size for file in place(model).glob("*.safetensors")), form_of(model)
    found: dict[str, Any] = {"parameters": weights // 2} if weights else {}  # two bytes each, as nearly all are
    return {**found, "prompt_template": form.prompt_templates[0]} if form else found


def weights_hash(folder: Path) -> str:
    """Names the weights of a model folder: the first 16 digits of their SHA-256."""
    digest = hashlib.sha256()
    for shard in sorted(folder.glob("*.safetensors")):
        with shard.open("rb") as file:
            while block := file.read(1 << 22):
                digest.update(block)
    return digest.hexdigest()[:16]
