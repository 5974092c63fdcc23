"""A run as the page shows it: status and samples as HTML, the curve as a table for the plot. Pure functions.

Everything that comes from a file or a person is escaped here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape
from typing import Any

from training.progress import Point, Sample
from training.runs import RunStatus
from training.sentences import sentence

SMOOTHING = 0.8
"""Weight of what came before in the smoothed loss."""


def status_html(status: RunStatus, language: str) -> str:
    """Phase, progress bar, steps, times; what the phase is at; why it failed or stopped."""
    tone = "live" if status.live else status.phase
    phase = escape(sentence(f"run.phase_{status.phase}", language))
    facts = "".join(f"<span>{escape(fact)}</span>" for fact in _facts(status, language))
    share, label = progress_share(status), escape(sentence("run.progress", language))
    said = status.reason_sentence(language) or status.note_sentence(language)
    role = "alert" if status.phase == "failed" else "status"
    reason = f'<p class="reason" role="{role}">{escape(said)}</p>' if said else ""
    return (
        f'<div class="run {tone}"><div class="run-line"><strong class="phase">{phase}</strong>'
        f'<span class="facts">{facts}</span></div><div class="bar" role="progressbar" aria-label="{label}" '
        f'aria-valuemin="0" aria-valuemax="100" aria-valuenow="{100 * share:.0f}">'
        f'<div style="width:{share:.1%}"></div></div>{reason}</div>'
    )


def progress_share(status: RunStatus) -> float:
    """How far the run is, from 0 to 1: training fills most of the bar, what comes before and after the rest."""
    if status.phase == "done":
        return 1.0
    trained = min(1.0, status.step / status.total) if status.total else 0.0
    after = {"converting": 0.92, "examining": 0.95, "merging": 0.97}
    return after.get(status.phase, 0.02 + 0.88 * trained if status.step else 0.0)


def _facts(status: RunStatus, language: str) -> list[str]:
    facts = []
    if status.total:
        facts.append(sentence("run.steps", language, step=status.step, total=status.total))
    if status.started:
        seconds = (status.finished or time.time()) - status.started
        facts.append(sentence("run.elapsed" if status.live else "run.took", language, time=duration(seconds, language)))
    if status.live and status.eta_seconds is not None:
        facts.append(sentence("run.eta", language, time=duration(status.eta_seconds, language)))
    return facts


def duration(seconds: float, language: str) -> str:
    """A time span in words, as exact as a waiting person needs it."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return sentence("run.seconds", language, seconds=seconds)
    if seconds < 3600:
        return sentence("run.minutes", language, minutes=seconds // 60, seconds=seconds % 60)
    return sentence("run.hours", language, hours=seconds // 3600, minutes=seconds % 3600 // 60)


def samples_html(samples: Sequence[Sample], language: str) -> str:
    """The sample answers as a table, newest step first."""
    if not samples:
        return f'<p class="empty">{escape(sentence("run.no_samples", language))}</p>'
    head = "".join(f"<th>{escape(sentence(key, language))}</th>" for key in ("run.step", "run.question", "run.answer"))
    rows = "".join(
        "<tr>"
        f"<td>{_step(sample.step, language)}</td><td>{escape(sample.question)}</td><td>{escape(sample.answer)}</td>"
        "</tr>"
        for sample in sorted(samples, key=lambda sample: -sample.step)
    )
    return f'<div class="samples"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _step(step: int, language: str) -> str:
    return str(step) if step else escape(sentence("run.before", language))


def colours(language: str) -> dict[str, str]:
    """The smoothed curve stands out, the measured one stays behind it."""
    return {sentence("run.raw", language): "#94a3b8", sentence("run.smoothed", language): "#0d9488"}


def curve(points: Sequence[Point], language: str) -> Any:
    """The loss as a pandas table for gr.LinePlot: every step twice, as measured and smoothed."""
    import pandas  # the page imports it anyway, the tests of this room need not

    names = {"step": sentence("run.step", language), "loss": sentence("run.loss", language)}
    raw, smooth = sentence("run.raw", language), sentence("run.smoothed", language)
    rows = [(point.step, point.loss, raw) for point in points]
    rows += [(point.step, value, smooth) for point, value in zip(points, smoothed(points), strict=True)]
    return pandas.DataFrame(rows, columns=[names["step"], names["loss"], "series"])


def smoothed(points: Sequence[Point]) -> list[float]:
    """The running mean of the losses, fair to the first ones."""
    total = weight = 0.0
    found = []
    for point in points:
        total = SMOOTHING * total + (1 - SMOOTHING) * point.loss
        weight = SMOOTHING * weight + (1 - SMOOTHING)
        found.append(total / weight)
    return found
