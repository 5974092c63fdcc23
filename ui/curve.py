"""The curves of runs as tables for a plot: of one run as measured and smoothed, or of several on top of each other.

Pure functions. However many points a run has, a plot gets some hundreds of them: more than that nobody can see, and
every viewer would be sent all of them every two seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy
import pandas

from training.runs import progress
from training.runs.progress import Point
from training.sentences import sentence

MEASURES = ("loss", "learning_rate", "grad_norm")
"""What can be plotted: fields of a Point."""
SMOOTHING = 0.8
"""Weight of what came before in the smoothed loss."""
MOST_POINTS = 300
"""Of one line in a plot."""
COLOURS = ("#0d9488", "#d97706", "#7c3aed", "#dc2626", "#2563eb", "#65a30d", "#db2777", "#78716c")
"""Of the runs that are compared; told apart on light and on dark ground."""
_BEHIND = "#94a3b8"


def axes(measure: str, language: str) -> tuple[str, str]:
    """What the plot's x and y are called, and with them the columns of its table."""
    return sentence("run.step", language), sentence(f"run.{measure}", language)


STAGES = ("first_stage", "second_stage")
"""Of a run that learns to see: a line for each, both from its first step on."""


def colours(measure: str, language: str, two: bool = False) -> dict[str, str]:
    """The smoothed curve stands out, the measured one stays behind it. `two`: a run with two stages."""
    if two:
        return {sentence(f"run.{stage}", language): colour for stage, colour in zip(STAGES, reversed(COLOURS[:2]))}
    if measure == "learning_rate":
        return {sentence("run.learning_rate", language): COLOURS[0]}
    return {sentence("run.raw", language): _BEHIND, sentence("run.smoothed", language): COLOURS[0]}


@lru_cache(maxsize=16)
def curve(folder: Path, mark: str, accumulation: int, measure: str, language: str) -> pandas.DataFrame | None:
    """The table of a run folder at the moment of `mark`, made once for all viewers; None while there is no point."""
    first, points = progress.first_points(folder), progress.points(folder, accumulation)
    if first:
        return staged(first, points, measure, language)
    return table(points, measure, language) if points else None


def staged(first: Sequence[Point], second: Sequence[Point], measure: str, language: str) -> pandas.DataFrame:
    """Both stages of a run that learns to see; the loss is smoothed."""
    lines = (_series(points, measure) for points in (first, second) if points)
    shown = [_smoothed(values) if measure == "loss" else values for values in lines]
    return _stacked(dict(zip(colours(measure, language, True), shown)), measure, language)


def table(points: Sequence[Point], measure: str, language: str) -> pandas.DataFrame:
    """One run: every step as measured, and smoothed where that helps."""
    measured = _series(points, measure)
    lines = dict(zip(colours(measure, language), (measured, _smoothed(measured))))
    return _stacked(lines, measure, language)


def overlaid(runs: Mapping[str, Sequence[Point]], language: str) -> pandas.DataFrame:
    """Several runs by name: their smoothed losses."""
    return _stacked({name: _smoothed(_series(points, "loss")) for name, points in runs.items()}, "loss", language)


def smoothed(values: Sequence[float]) -> list[float]:
    """The running mean, fair to the first values."""
    return list(_smoothed(pandas.Series(values, dtype=float)))


def final_loss(points: Sequence[Point]) -> float | None:
    """The loss a run came to: the last smoothed one."""
    values = smoothed([point.loss for point in points[-100:]])
    return values[-1] if values else None


def _series(points: Sequence[Point], measure: str) -> pandas.Series:
    return pandas.Series([getattr(point, measure) for point in points], [point.step for point in points], dtype=float)


def _smoothed(values: pandas.Series) -> pandas.Series:
    return values.ewm(alpha=1 - SMOOTHING).mean()


def _stacked(lines: Mapping[str, pandas.Series], measure: str, language: str) -> pandas.DataFrame:
    (x, y), parts = axes(measure, language), []
    for name, values in lines.items():
        kept: Any = _thinned(values.dropna())
        parts.append(pandas.DataFrame({x: kept.index, y: kept.to_numpy(), "series": name}))
    return pandas.concat(parts, ignore_index=True)


def _thinned(values: pandas.Series) -> pandas.Series:
    """The lowest and the highest of every few neighbours, so that a spike is never lost; and both ends."""
    if len(values) <= MOST_POINTS:
        return values
    plain = values.to_numpy()
    each = -(-len(plain) // (MOST_POINTS // 2))
    whole = len(plain) // each * each
    groups, begins = plain[:whole].reshape(-1, each), numpy.arange(0, whole, each)
    kept = {0, len(plain) - 1, *(begins + groups.argmin(axis=1)), *(begins + groups.argmax(axis=1))}
    if whole < len(plain):
        kept |= {whole + int(plain[whole:].argmin()), whole + int(plain[whole:].argmax())}
    return values.iloc[sorted(kept)]
