"""All runs at a glance, and what tells them apart. Knows no components; everything from the disk is escaped here."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from training import exam, runs
from training.errors import UserError
from training.exam import recommendation
from training.home import runs_dir
from training.runs import progress
from training.sentences import sentence
from ui.conversation import model_label
from ui.curve import final_loss
from ui.recipe_form import form_fields
from ui.run_actions import value_said
from ui.run_view import duration, gib

COLUMNS = ("name", "model", "dataset", "method", "steps", "final_loss", "exam", "time", "size")


@dataclass(frozen=True)
class Entry:
    """One run in the table."""

    run: str
    phase: str
    live: bool
    spec: dict[str, Any]
    step: int
    total: int
    loss: float | None
    scores: tuple[float | None, float | None] | None
    """Identity recall and parrot rate of the recommended checkpoint; None without an exam."""
    seconds: float
    size: int

    @property
    def name(self) -> str:
        return str(self.spec.get("name") or self.run)


def entries(only: Sequence[str] | None = None) -> list[Entry]:
    """All runs, or `only` these: those that go on first, then the newest."""
    wanted = [run for run in runs.names() if only is None or run in only]  # each is measured, which takes its time
    found = [entry for run in wanted if (entry := _entry(run))]
    return sorted(found, key=lambda entry: not entry.live)


def _entry(run: str) -> Entry | None:
    try:
        folder, status, size = runs.folder(run), runs.look(run), runs.size(run)
    except UserError:
        return None  # deleted meanwhile
    try:
        spec = runs.spec(run)
    except UserError:
        spec = {"recipe": {}}  # its settings cannot be read; it can still be deleted
    accumulation = spec["recipe"].get("accumulation") or 1
    return Entry(
        run=run,
        phase=status.phase,
        live=status.live,
        spec=spec,
        step=status.step,
        total=status.total,
        loss=_loss(folder, progress.curve_mark(folder), accumulation),
        scores=_scores(folder, progress.exam_mark(folder)),
        seconds=status.elapsed_seconds,
        size=size,
    )


@lru_cache(maxsize=512)
def _loss(folder: Path, _mark: str, accumulation: int) -> float | None:
    return final_loss(progress.points(folder, accumulation))


@lru_cache(maxsize=512)
def _scores(folder: Path, _mark: str) -> tuple[float | None, float | None] | None:
    chosen = recommendation.load(folder)
    for report in exam.load(folder):
        if chosen and report.step == chosen.step > 0:
            score = report.scores[exam.ALL]
            return score.recall, score.parrot
    return None


def table_html(found: Sequence[Entry], chosen: Sequence[str], language: str) -> str:
    """The table; a box in each row chooses the run, its name opens it."""
    if not found:
        return f'<p class="empty">{escape(sentence("history.nothing", language))}</p>'
    head = "".join(f"<th>{escape(sentence(f'history.{column}', language))}</th>" for column in COLUMNS)
    rows = "".join(_row(entry, entry.run in chosen, language) for entry in found)
    return f'<div class="samples history">{_table(head, rows)}</div>'


def _table(head: str, rows: str) -> str:
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _row(entry: Entry, chosen: bool, language: str) -> str:
    run, recipe = escape(entry.run, quote=True), entry.spec["recipe"]
    name, whole = escape(entry.name), escape(entry.name, quote=True)  # a long one is cut in the table
    label = escape(sentence("history.choose", language, name=entry.name), quote=True)
    made = time.strftime("%m-%d %H:%M", time.localtime(entry.spec.get("created", 0)))
    note = f"<p>{escape(str(entry.spec['note']))}</p>" if entry.spec.get("note") else ""
    phase = escape(sentence(f"run.phase_{entry.phase}", language))
    method = value_said("method", recipe["method"], language) if recipe.get("method") else "–"
    cells = (
        escape(model_label(str(entry.spec.get("model", "–")), language)),
        escape(str(entry.spec.get("dataset", "–"))),
        escape(method),
        f"{entry.step} / {entry.total}",
        "–" if entry.loss is None else f"{entry.loss:.3f}",
        escape(_exam_said(entry.scores, language)),
        escape(duration(entry.seconds, language)),
        megabytes(entry.size),
    )
    return (
        f'<tr><td><input type="checkbox" data-run="{run}" aria-label="{label}"{" checked" if chosen else ""}></td>'
        f'<td><button type="button" data-run="{run}" title="{whole}">{name}</button>'
        f'<small class="{"live" if entry.live else entry.phase}">{phase} · {made}</small>{note}</td>'
        + "".join(f"<td>{cell}</td>" for cell in cells)
        + "</tr>"
    )


def _exam_said(scores: tuple[float | None, float | None] | None, language: str) -> str:
    if scores is None:
        return "–"
    knows, parrots = ("–" if share is None else f"{share:.0%}" for share in scores)
    return sentence("history.exam_said", language, knows=knows, parrots=parrots)


def megabytes(size: int) -> str:
    """Bytes as MB or GB."""
    return f"{gib(size)} GB" if size >= 2**30 else f"{size / 2**20:.1f} MB"


def disk_said(found: Sequence[Entry], language: str) -> str:
    """What all runs take of the disk, and what is left of it."""
    taken, free = sum(entry.size for entry in found), shutil.disk_usage(runs_dir()).free
    return sentence("history.disk", language, taken=megabytes(taken), free=megabytes(free))


def differences(specs: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """The settings in which the runs differ, and only those; each with its value in every run."""
    settings = [
        {
            "model": spec.get("model"),
            "dataset": spec.get("dataset"),
            "data": str((spec.get("card") or {}).get("sha256", ""))[:8],
            "device": spec.get("device"),
            **{field: spec["recipe"].get(field) for field in [*form_fields(), *spec["recipe"]]},
            **spec.get("eyes", {}),
        }
        for spec in specs
    ]
    names = dict.fromkeys(name for values in settings for name in values)
    every = {name: [values.get(name) for values in settings] for name in names}
    return {name: values for name, values in every.items() if any(value != values[0] for value in values)}


def differences_html(found: Sequence[Entry], language: str) -> str:
    """The differing settings as a table, one column a run."""
    differ = differences([entry.spec for entry in found])
    if not differ:
        return f'<p class="empty">{escape(sentence("history.same", language))}</p>'
    head = "".join(f"<th>{escape(name)}</th>" for name in labels(found).values())
    rows = "".join(
        f"<tr><th>{escape(_setting_said(name, language))}</th>"
        + "".join(f"<td>{escape(_value_said(name, value, language))}</td>" for value in values)
        + "</tr>"
        for name, values in differ.items()
    )
    return f'<div class="samples">{_table(head, rows)}</div>'


def labels(found: Sequence[Entry]) -> dict[str, str]:
    """Run -> what it is called where several are compared: by its name, with a number where two have the same."""
    names = [entry.name for entry in found]
    return {
        entry.run: name if names.count(name) == 1 else f"{name} #{place}"
        for place, (entry, name) in enumerate(zip(found, names), 1)
    }


def _setting_said(name: str, language: str) -> str:
    own = ("data", "device")
    try:
        return sentence(f"history.{name}" if name in own else f"train.{name}", language)
    except KeyError:
        return name  # a setting of another version


def _value_said(name: str, value: Any, language: str) -> str:
    if value in (None, ""):
        return "–"
    return model_label(str(value), language) if name == "model" else value_said(name, value, language)
