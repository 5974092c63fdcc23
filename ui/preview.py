"""Which conversation of a dataset a visitor looks at. Knows no components, so it is tested without a page."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from training import dataset, distill, identity
from training.distill import OURS, SUGGESTED
from training.identity import PLAIN, Row, Shares
from training.persona import Persona
from training.rows import Rows

KINDS = ("identity", "near_miss", "general")


@dataclass(frozen=True)
class View:
    """A persona's conversations, or those of a saved dataset; of one kind or of all; and the place in them."""

    persona: Persona | None = None
    shares: Shares = PLAIN
    """How many of which kind, of a persona's conversations."""
    general: str = SUGGESTED
    """Whose answers to general questions: SUGGESTED, OURS, or a model's own."""
    name: str = ""
    """The saved dataset; empty while what is shown has not been saved."""
    kind: str = "all"
    at: int = 0
    suggested: str = ""
    """The dataset name we last proposed, so that one the visitor typed is left alone."""

    @property
    def empty(self) -> bool:
        return self.persona is None and not self.name

    def rows(self) -> Sequence[Row]:
        """All conversations, whichever kind is chosen. Raises UserError (dataset_missing, dataset_broken)."""
        if self.persona:
            known = distill.mark(self.general) if self.general not in (SUGGESTED, OURS) else 0
            return built(self.persona, self.shares, self.general, known)
        return stored(self.name) if self.name else ()

    def places(self) -> Sequence[int]:
        """Where the conversations of the chosen kind are."""
        rows = self.rows()
        if self.kind == "all":
            return range(len(rows))
        if isinstance(rows, Rows):
            return _of_kind(rows, self.kind)
        return [at for at, row in enumerate(rows) if row.kind == self.kind]

    def row(self) -> Row | None:
        """The conversation at this place."""
        places = self.places()
        return self.rows()[places[self.at % len(places)]] if places else None

    def own(self) -> bool:
        """Whether the starter model itself answers so: such an answer may be poor, and is there to keep what it was."""
        row = self.row()
        if row is None or row.kind != "general":
            return False
        said = [message["content"] for message in row.messages if message["role"] == "assistant"]
        return said[:1] == [identity.shipped().get(row.language, {}).get(row.questions[0])]

    def moved(self, by: int) -> View:
        """The place `by` conversations further; after the last comes the first."""
        return replace(self, at=(self.at + by) % max(1, len(self.places())))

    def shuffled(self) -> View:
        """Some other place."""
        return self.moved(random.randrange(1, max(2, len(self.places()))))

    def opened(self, language: str) -> View:
        """The place where a visitor who reads `language` sees what the set is about."""
        rows = self.rows()
        if isinstance(rows, Rows):
            about = rows.where("identity", language)
        else:
            about = (at for at, row in enumerate(rows) if (row.kind, row.language) == ("identity", language))
        return replace(self, kind="all", at=next(about, 0))

    def filtered(self, kind: str) -> View:
        return replace(self, kind=kind, at=0)


@lru_cache(maxsize=8)
def built(persona: Persona, shares: Shares = PLAIN, general: str = SUGGESTED, _known: int = 0) -> tuple[Row, ...]:
    """The persona's conversations; the same every time, so only what makes them needs to be remembered."""
    return tuple(identity.build(persona, shares=shares, own=distill.chosen(general)))


def stored(name: str) -> Rows:
    """The conversations of a saved dataset, read where they lie."""
    return _stored(name, dataset.path(name).stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _stored(name: str, _changed: int) -> Rows:
    return dataset.load(name)


@lru_cache(maxsize=8)
def _of_kind(rows: Rows, kind: str) -> Sequence[int]:
    return array("Q", rows.where(kind))
