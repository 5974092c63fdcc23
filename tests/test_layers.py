"""The arrows of the house: app -> ui -> serving -> training -> hub, and what a room may not import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = ["ui", "serving", "training", "hub"]
FILES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


def imported(path: Path, top_level_only: bool = False) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_down_only(path: Path) -> None:
    floor = path.relative_to(ROOT).parts[0]
    above = {"app", *FLOORS[: FLOORS.index(floor)]}
    assert not above & set(imported(path))


@pytest.mark.parametrize("path", sorted((ROOT / "ui").glob("*.py")), ids=lambda path: path.name)
def test_the_face_never_imports_what_is_heavy(path: Path) -> None:
    assert not {"torch", "transformers", "xtuner", "subprocess"} & set(imported(path))


@pytest.mark.parametrize("path", [path for path in FILES if "ui" not in path.parts], ids=lambda path: path.name)
def test_only_the_face_knows_gradio(path: Path) -> None:
    assert "gradio" not in set(imported(path))


def test_the_rooms_the_page_uses_come_without_torch() -> None:
    code = (
        "import serving.stage, training.runs, training.demo, sys; print({'torch', 'transformers'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "set()"
