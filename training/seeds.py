"""Our own texts in assets/seeds, by kind and language. They live there and only there."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "seeds"


@cache
def seeds(kind: str, language: str) -> Any:
    """The content of <kind>.<language>.json; empty when there is no such file."""
    file = FOLDER / f"{kind}.{language}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
