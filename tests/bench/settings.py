"""Settings of a recipe on a benchmark's command line."""

from __future__ import annotations

import ast
from typing import Any


def values(given: list[str]) -> dict[str, Any]:
    """What FIELD=VALUE said, by name; a value that is no Python is a text."""
    found = {}
    for each in given:
        name, _, value = each.partition("=")
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[name] = value
    return found
