"""Vision encoders: the starter's, and CLIP and SigLIP folders in HOME/models. Never imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.errors import UserError
from training.eyes.eyes_recipe import STARTER
from training.home import models_dir
from training.models import layout, starter_eyes, vision
from training.models.vision import Kind


def names() -> list[str]:
    """The encoders to choose from: "starter" (fetched when first needed), then the complete ones in HOME/models."""
    found = (each for each in models_dir().iterdir() if not each.name.startswith("."))
    return [STARTER, *sorted(each.name for each in found if each != starter_eyes.target() and _fits(each))]


def _fits(folder: Path) -> bool:
    try:
        vision.check(folder)
    except UserError:
        return False
    return True


def place(encoder: str) -> Path:
    """The folder of "starter" (which may still have to be fetched), of a name in HOME/models, or of an absolute path.

    Raises UserError(model_missing, model_incomplete, encoder_kind, ...).
    """
    if encoder == STARTER:
        return starter_eyes.target()
    asked = Path(encoder).expanduser()
    if not asked.is_absolute() and (len(asked.parts) != 1 or asked.name.startswith(".")):
        raise UserError("model_missing", model=encoder)  # a name never leads out of HOME/models
    folder = models_dir() / asked
    if not folder.is_dir():
        raise UserError("model_missing", model=encoder)
    vision.check(folder)
    return folder


def kind(folder: Path) -> Kind:
    """Of the encoder in the folder, which may still have to be fetched if it is the starter's. Raises UserError."""
    return vision.CLIP if folder == starter_eyes.target() else vision.kind(folder)


def shape(folder: Path) -> dict[str, int] | None:
    """Sizes of an encoder: parameters, layers, width, heads, patches; None while it is not here."""
    try:
        config = layout.table(folder, "config.json")
        plain = vision.KINDS[config["model_type"]].plain
        told: dict[str, Any] = {**plain, **config.get("vision_config", config)}
        layers, width, inner = (int(told[key]) for key in ("num_hidden_layers", "hidden_size", "intermediate_size"))
        patches = (int(told["image_size"]) // int(told["patch_size"])) ** 2
        heads = int(told["num_attention_heads"])
    except (UserError, KeyError, TypeError, ValueError, AttributeError):
        return None
    parameters = layers * (4 * width * width + 2 * width * inner)
    return {"parameters": parameters, "layers": layers, "width": width, "heads": heads, "patches": patches}


STARTER_SHAPE = {"parameters": 21_300_000, "layers": 12, "width": 384, "heads": 6, "patches": 36}


def known_shape(encoder: str) -> dict[str, int] | None:
    """The sizes of an encoder, the starter's also before it is here."""
    found = shape(place(encoder))
    return found or (STARTER_SHAPE if encoder == STARTER else None)
