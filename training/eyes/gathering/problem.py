"""What could not be used, for whom it matters: the file, the row in it, and why in a sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from training.errors import UserError

_QUOTED = 300
"""Characters of a detail that are kept."""


@dataclass(frozen=True)
class Problem:
    """Why a row, or a whole file, was left out."""

    file: str
    row: int
    """Of the file, from 1, as an editor or a spreadsheet counts; 0: the file itself."""
    code: str
    details: dict[str, Any] = field(default_factory=dict)

    def sentence(self, language: str = "en") -> str:
        """What is wrong, and what to do."""
        return UserError(self.code, **self.details).sentence(language)


def problem(file: str, row: int, error: UserError) -> Problem:
    """The error, told of a row of a file."""
    return Problem(_shown(file), row, error.code, {key: _shown(value) for key, value in error.details.items()})


def _shown(value: object) -> str:
    # Half a character (a lone surrogate) could not be written anywhere.
    return str(value)[:_QUOTED].encode("utf-8", "replace").decode("utf-8")
