"""What a visitor has entered and not used yet, kept in his own browser: a reload, or a crash of it, loses nothing.

A draft says which form it is of. When the form has changed since (another version of this product), it is ignored.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gradio as gr

from ui.edge import QUIET, told

_USED: dict[str, Any] = {"form": "", "values": {}}
"""In place of a draft that is one no longer. (Gradio's page never stores nothing.)"""


class Draft:
    """The draft of one form. `fields` are its components by name; no gr.State, which would not be as old as they are.

    `stored` has to be rendered outside of the tabs: Gradio reads it when its part of the page is first drawn.
    """

    def __init__(self, name: str, fields: Mapping[str, Any]) -> None:
        key = f"assistant-studio-draft-{name}"
        self.fields = dict(fields)
        self.stored = gr.BrowserState(None, storage_key=key, secret=key, render=False)
        self._form = _form(self.fields)
        self._restored = gr.State(False)
        self._early = gr.State(False)
        # Not their `input`: Gradio 6.17 tells it by key presses, and an input method for Chinese has none.
        changes = [field.change for field in self.fields.values()]
        kept = [self.stored, self._early]
        gr.on(changes, self._keep, self._inputs, kept, trigger_mode="always_last", **QUIET)

    @property
    def _inputs(self) -> list[Any]:
        return [self._restored, *self.fields.values()]

    def _keep(self, restored: bool, *values: Any) -> Any:
        # Before that an empty form would take the place of what he had entered; what he enters so early waits.
        return {self.stored: self.kept(*values)} if restored else {self._early: True}

    def kept(self, *values: Any) -> dict[str, Any]:
        """What the browser keeps of these values, given in the order of the fields."""
        return {"form": self._form, "values": dict(zip(self.fields, values, strict=True))}

    def used(self) -> dict[Any, Any]:
        """Updates that end the draft: what was entered has become something else."""
        return {self.stored: _USED}

    def values(self, stored: Any) -> dict[str, Any] | None:
        """The values by field; None when there is no draft of this very form."""
        if not isinstance(stored, dict) or stored.get("form") != self._form:
            return None
        values = stored.get("values")
        return values if isinstance(values, dict) and values.keys() == self.fields.keys() else None

    def restore(self, opened: Any, language: Any, fill: Callable[[str, dict[str, Any]], dict[Any, Any]]) -> Any:
        """After the event `opened`, bring the draft back by fill(language, values) -> updates; goes on as an event."""

        @told
        def restored(said: str, stored: Any, early: bool, *now: Any) -> dict[Any, Any]:
            values = self.values(stored)
            filled = fill(said, values) if values else {}
            entered = self._entered(now) if early else []
            return {self._restored: True} | {part: update for part, update in filled.items() if part not in entered}

        def late(early: bool, *values: Any) -> Any:
            return self.kept(*values) if early else gr.skip()

        before = [language, self.stored, self._early, *self.fields.values()]
        done = opened.then(restored, before, self._inputs, **QUIET)
        done.then(late, [self._early, *self.fields.values()], self.stored, **QUIET)
        return done

    def _entered(self, values: Sequence[Any]) -> list[Any]:
        """The fields that hold something else than at first. Not dropdowns: what those begin with lies on the disk."""
        fields = zip(self.fields.values(), values, strict=True)
        return [
            field
            for field, value in fields
            if not isinstance(field, gr.Dropdown) and value not in (None, "", field.value)
        ]


def _form(fields: Mapping[str, Any]) -> str:
    """Tells one form from another: by names, kinds and what can be chosen once and for all."""
    told = [
        # What a dropdown offers depends on the disk, not on the version.
        (name, type(field).__name__, [] if isinstance(field, gr.Dropdown) else _choices(field))
        for name, field in fields.items()
    ]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _choices(field: Any) -> list[str]:
    return [str(value) for _, value in getattr(field, "choices", None) or []]
