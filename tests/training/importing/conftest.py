"""Small files of every kind, taken in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from training.identity import Row
from training.importing import intake
from training.importing.report import Report
from training.rows import Rows

Take = Callable[..., tuple[Report, list[Row]]]


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """Writes a file (text, bytes, or a value as JSON) and reads it: the report and the good rows."""

    def taken(name: str, content: Any, **options: Any) -> tuple[Report, list[Row]]:
        file, folder = tmp_path / name, tmp_path / f"staged-{name}"
        if content is not None:
            raw = content if isinstance(content, bytes) else as_text(content).encode("utf-8")
            file.write_bytes(raw)
        folder.mkdir(exist_ok=True)
        report = intake.take_in(file, folder, lambda progress: None, **options)
        for problem in report.problems:
            assert all(problem.sentence(language) for language in ("zh", "en"))
        return report, list(Rows(folder)) if report.rows else []

    return taken


def as_text(content: Any) -> str:
    return content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)


def said(row: Row) -> list[str]:
    """What is said in turn."""
    return [message["content"] for message in row.messages]


def chat(*texts: str) -> dict[str, Any]:
    """A row of OpenAI messages: user and assistant in turn."""
    roles = ("user", "assistant") * len(texts)
    return {"messages": [{"role": role, "content": text} for role, text in zip(roles, texts)]}


def codes(report: Report) -> list[tuple[int, str]]:
    return [(problem.row, problem.code) for problem in report.problems]
