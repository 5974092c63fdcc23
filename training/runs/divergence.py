"""Whether a training is lost, by its curve: noticed while it runs, long before somebody looks."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from training.recipe import Recipe
from training.runs.failure import Failure, slower
from training.runs.progress import Point

NAN_POINTS = 3
"""So many losses in a row that are no number: fp16 may skip one."""
SETTLED = 20
"""Steps before a rise counts."""
DIVERGED = 1.5
"""A loss of this many times its beginning (and at least 1 above it) is worse than not to train at all."""


def gone_wrong(points: Sequence[Point], recipe: Recipe) -> Failure | None:
    """Whether the curve shows that the training is lost: no number any more, or far above where it began.

    details: `step` is the first bad one.
    """
    recent = points[-NAN_POINTS:]
    if len(recent) == NAN_POINTS and not any(math.isfinite(point.loss) for point in recent):
        first = len(points)
        while first and not math.isfinite(points[first - 1].loss):
            first -= 1
        return Failure("loss_not_a_number", {"step": points[first].step}, slower(recipe))
    points = [point for point in points if math.isfinite(point.loss)]
    if len(points) < 2 * SETTLED:
        return None
    begin = statistics.median(point.loss for point in points[:10])
    now = statistics.median(point.loss for point in points[-10:])
    if now < max(DIVERGED * begin, begin + 1):
        return None
    # Until the last ten of which most were no worse than the beginning, at most four bad ones at their end. A single
    # low point in the middle of a lost curve says nothing.
    windows = ((at, [point.loss for point in points[at - 10 : at]]) for at in range(len(points), 9, -1))
    rising = next((at - 4 for at, losses in windows if statistics.median_high(losses) <= begin), 10)
    details = {"step": points[rising].step, "begin": f"{begin:.2f}", "now": f"{now:.2f}"}
    return Failure("loss_diverged", details, slower(recipe))
