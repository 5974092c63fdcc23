"""Which conversation of a dataset a visitor looks at. Knows no components, so it is tested without a page."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from functools import lru_cache

from training import dataset, identity
from training.dataset import Summary
from training.identity import Row
from training.persona import Persona
from training.sentences import sentence

KINDS = ("identity", "near_miss", "general")


@dataclass(frozen=True)
class View:
    """A persona's conversations, or those of a saved dataset; of one kind or of all; and the place in them."""

    persona: Persona | None = None
    name: str = ""
    """The saved dataset; empty while what is shown has not been saved."""
    kind: str = "all"
    at: int = 0
    suggested: str = ""
    """The dataset name we last proposed, so that one the visitor typed is left alone."""

    @property
    def empty(self) -> bool:
        return self.persona is None and not self.name

    def rows(self) -> tuple[Row, ...]:
        """All conversations, whichever kind is chosen. Raises UserError (dataset_missing, dataset_broken)."""
        if self.persona:
            return built(self.persona)
        return stored(self.name) if self.name else ()

    def shown(self) -> tuple[Row, ...]:
        """The conversations of the chosen kind."""
        return tuple(row for row in self.rows() if self.kind in ("all", row.kind))

    def row(self) -> Row | None:
        """The conversation at this place."""
        rows = self.shown()
        return rows[self.at % len(rows)] if rows else None

    def moved(self, by: int) -> View:
        """The place `by` conversations further; after the last comes the first."""
        return replace(self, at=(self.at + by) % max(1, len(self.shown())))

    def shuffled(self) -> View:
        """Some other place."""
        return self.moved(random.randrange(1, max(2, len(self.shown()))))

    def opened(self, language: str) -> View:
        """The place where a visitor who reads `language` sees what the set is about."""
        rows = self.shown()
        about = (at for at, row in enumerate(rows) if row.kind == "identity" and row.language == language)
        return replace(self, at=next(about, 0))

    def filtered(self, kind: str) -> View:
        return replace(self, kind=kind, at=0)


@lru_cache(maxsize=8)
def built(persona: Persona) -> tuple[Row, ...]:
    """The persona's conversations; the same every time, so only the persona needs to be remembered."""
    return tuple(identity.build(persona))


def stored(name: str) -> tuple[Row, ...]:
    """The conversations of a saved dataset; their kinds are known when this page can build them again."""
    return _stored(name, dataset.path(name).stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _stored(name: str, _changed: int) -> tuple[Row, ...]:
    kinds = _kinds(name)
    rows = dataset.load(name)
    return tuple(Row(tuple(row["messages"]), *kinds.get(_text(row["messages"]), ("", ""))) for row in rows)


def _kinds(name: str) -> dict[str, tuple[str, str]]:
    persona = persona_of(name)
    return {_text(row.messages): (row.kind, row.language) for row in built(persona)} if persona else {}


def _text(messages: object) -> str:
    return json.dumps(messages, ensure_ascii=False, sort_keys=True)


def persona_of(name: str) -> Persona | None:
    """Who the saved dataset was made for, if its card says so."""
    stored = dataset.card(name).get("persona")
    try:
        return Persona(**{**stored, "languages": tuple(stored["languages"])}) if stored else None
    except (TypeError, KeyError):
        return None  # written by another version of this product


def counts(view: View, language: str) -> str:
    """What the dataset consists of, in words."""
    rows = view.rows()
    summary = dataset.summarise(rows)
    said = [
        sentence("dataset.counts_rows", language, rows=summary.rows, unique=summary.unique, repeated=summary.repeated)
    ]
    if any(row.kind for row in rows):
        said += [_kinds_said(summary, language), _languages_said(summary, language)]
    return "<br>".join(said)


def _kinds_said(summary: Summary, language: str) -> str:
    return sentence(
        "dataset.counts_kinds",
        language,
        identity=summary.identity,
        near_miss=summary.near_miss,
        general=summary.general,
    )


def _languages_said(summary: Summary, language: str) -> str:
    each = [sentence(f"dataset.counts_{code}", language, rows=rows) for code, rows in summary.languages.items() if code]
    return sentence("dataset.counts_languages", language, each=sentence("app.comma", language).join(each))
