"""Showing and hiding, around what Gradio 6.17's page gets wrong.

`visible` sent to a container is handed on to everything inside it, whatever that had of its own; and a component that
is built late (visible=False at first) brings back what others around it had before. Therefore components are hidden by
"hidden" and containers by a class of style.css.
"""

from __future__ import annotations

from typing import Any

HIDDEN: Any = "hidden"
"""What to give a component's `visible` instead of False."""


def seen(wanted: object) -> Any:
    """What to give a component's `visible`."""
    return True if wanted else HIDDEN


def classes(own: str, wanted: object) -> list[str]:
    """What to give a container's `elem_classes`: its own class, and whether it is shown."""
    return [own] if wanted else [own, "gone"]
