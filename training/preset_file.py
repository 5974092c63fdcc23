"""A preset as a file that people give to each other: what may be in it, and what is wrong with one.

A file is taken whole or not at all, with a sentence that names the field. It holds no dataset, no model, and none of
the settings that belong to one machine; it may hold only some settings (the others are then suggested as ever).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from training.errors import UserError
from training.recipe import Recipe, fitting

KIND, VERSION = "assistant-studio-preset", 1
LONGEST = 1 << 16
"""Bytes of a preset's file; the settings take about one thousand, and prompts a little more."""
OF_ONE_MACHINE = ("gpus", "nodes", "address", "port")
"""Settings of the Recipe that say where it runs."""
FIELDS = tuple(field.name for field in fields(Recipe) if field.name not in OF_ONE_MACHINE)
_PLAIN = asdict(Recipe())
_NAME = re.compile(r"\w[\w.\- ]{0,63}")


@dataclass(frozen=True)
class Preset:
    """Settings that can be used again."""

    name: str
    settings: Mapping[str, Any]
    """Recipe field -> value, for some or all of FIELDS."""


def written(preset: Preset) -> str:
    """The file of a preset, which read() takes: nothing is written that could not be read. Raises what read() does."""
    told = {"kind": KIND, "version": VERSION, "name": checked_name(preset.name)}
    text = json.dumps({**told, "settings": checked_settings(preset.settings)}, ensure_ascii=False, indent=1) + "\n"
    if len(text.encode()) > LONGEST:
        raise UserError("preset_too_long", file=preset.name, most=LONGEST >> 10)
    return text


def read(data: bytes, file: str) -> Preset:
    """The preset in these bytes of `file`. Raises UserError: preset_too_long, preset_unreadable, preset_not_one,
    preset_newer, preset_name_bad, preset_empty, preset_field_..., preset_needs_..., recipe_... (out of range).
    """
    if len(data) > LONGEST:
        raise UserError("preset_too_long", file=file, most=LONGEST >> 10)
    try:
        told = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_each_once)
    except (ValueError, RecursionError) as error:  # no text, no JSON, or brackets without end
        raise UserError("preset_unreadable", file=file, reason=_short(error)) from error
    if not isinstance(told, dict) or told.get("kind") != KIND:
        raise UserError("preset_not_one", file=file, kind=KIND)
    version = told.get("version")
    if type(version) is not int or version < 1:
        raise UserError("preset_needs_whole", field="version", value=_short(version))
    if version > VERSION:  # before anything else: what the file says may mean something else there
        raise UserError("preset_newer", file=file, version=_short(version), known=VERSION)
    for field in told:
        if field not in ("kind", "version", "name", "settings"):
            raise UserError("preset_field_unknown", field=_short(field))
    if not isinstance(told.get("name"), str):
        raise UserError("preset_needs_text", field="name", value=_short(told.get("name")))
    return Preset(checked_name(told["name"]), checked_settings(told.get("settings")))


def checked_name(name: str) -> str:
    """The name as a file may carry it. Raises UserError(preset_name_bad)."""
    name = " ".join(name.split())
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise UserError("preset_name_bad", name=_short(name))
    return name


def checked_settings(settings: object) -> dict[str, Any]:
    """Settings from elsewhere, in the types of the Recipe. Raises the first problem, as read() says."""
    if not isinstance(settings, Mapping) or not settings:
        raise UserError("preset_empty")
    for field in settings:
        if field in OF_ONE_MACHINE:
            raise UserError("preset_field_machine", field=field)
        if field not in FIELDS:
            raise UserError("preset_field_unknown", field=_short(field))
    good = {field: _typed(field, value) for field, value in settings.items()}
    plain = replace(Recipe(), **good)  # what it does not say is made to fit, as suggest() does
    for problem in replace(plain, **{**fitting(plain), **good}).problems():
        details = {key: _short(told) if key == "value" else told for key, told in problem.details.items()}
        raise UserError(problem.code, **details)
    return good


def _typed(field: str, value: Any) -> Any:
    """The value, if it is of the field's kind."""
    plain = _PLAIN[field]
    if isinstance(plain, bool):
        kind, good = "yes_no", isinstance(value, bool)
    elif isinstance(plain, int):
        kind, good = "whole", type(value) is int  # True is an int as well
    elif isinstance(plain, float):
        kind, good = "number", type(value) in (int, float) and abs(value) < 2**63
        value = float(value) if good else value
    elif isinstance(plain, str):
        kind, good = "text", _is_text(value)
    else:
        kind, good = "lines", isinstance(value, (list, tuple)) and all(map(_is_line, value))
        value = tuple(value) if good else value
    if not good:
        raise UserError(f"preset_needs_{kind}", field=field, value=_short(value))
    return value


def _is_text(value: object) -> bool:
    """Whether it can be shown and written: JSON can also spell halves of characters."""
    return isinstance(value, str) and not re.search("[\0\ud800-\udfff]", value)


def _is_line(value: object) -> bool:
    return _is_text(value) and len(str(value).strip().splitlines()) == 1


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, value in pairs:
        if field in found:
            raise UserError("preset_field_twice", field=_short(field))
        found[field] = value
    return found


def _short(value: object) -> str:
    """A value from a stranger's file, for a sentence."""
    text = str(value).encode(errors="replace").decode()
    return text if len(text) <= 80 else f"{text[:79]}…"
