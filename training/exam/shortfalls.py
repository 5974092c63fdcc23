"""What a checkpoint must reach in its exam, and how far it stays behind. Pure.

With pictures other things count: that it sees, and knows who it is with a picture in sight as well as without one.
"""

from __future__ import annotations

from training.exam import ALL, WITH_PICTURE, Report, scores

RECALL, PARROT, NEAR_MISS, GENERAL = 0.98, 0.02, 0.9, 0.9
"""Without pictures; `GENERAL` is a share of what the base model reaches."""
SEES = {"colour": 0.9, "shape": 0.8}
"""With pictures, where the exam asks for it."""
EYES_RECALL, EYES_PARROT = 0.9, 0.1
"""With pictures: knowing itself with and without one in sight, and speaking of itself unasked."""
WEIGHTS = {"parrots": 3.0, "untrue": 1.0, "forgot": 1.0, "unsure": 2.0, "blind": 2.0, "distracted": 2.0}
"""How bad each shortfall is."""


def of(report: Report, base: Report | None) -> dict[str, float]:
    """How far it stays behind in each respect; 0 where it is good enough, or was not asked."""
    score = report.scores[ALL]
    if score.seeing:
        return _with_eyes(report)
    general = GENERAL * _general(base, report)
    return {
        "parrots": max(0.0, (score.parrot or 0) - PARROT),
        "untrue": max(0.0, NEAR_MISS - _or(score.near_miss, 1)),
        "forgot": max(0.0, general - _or(score.general, 1)),
        "unsure": max(0.0, RECALL - (score.recall or 0)),
    }


def _with_eyes(report: Report) -> dict[str, float]:
    score = report.scores[ALL]
    return {
        "blind": max(max(0.0, aim - _or(score.rate(kind), 1)) for kind, aim in SEES.items()),
        "distracted": max(0.0, EYES_RECALL - _or(score.rate(WITH_PICTURE), 1)),
        "unsure": max(0.0, EYES_RECALL - _or(score.recall, 1)),
        "parrots": max(0.0, _or(score.parrot, 0) - EYES_PARROT),
    }


def _or(rate: float | None, otherwise: float) -> float:
    return otherwise if rate is None else rate


def passes(report: Report, base: Report | None) -> bool:
    """Whether the checkpoint of this report may be recommended without reserve."""
    return not any(of(report, base).values())


def total(report: Report, base: Report | None) -> float:
    """All shortfalls together."""
    return sum(WEIGHTS[name] * value for name, value in of(report, base).items())


def greatest(report: Report, base: Report | None) -> str:
    """The respect in which it stays behind most."""
    found = of(report, base)
    return max(found, key=lambda name: WEIGHTS[name] * found[name])


def _general(base: Report | None, report: Report) -> float:
    """What the base reached in the general questions of `report`, which may be fewer than it was asked itself."""
    if base is None:
        return 0.0
    asked = {answer.question for answer in report.answers}
    same = [answer for answer in base.answers if answer.question in asked]
    return (scores(same, {})[ALL] if report.quick and same else base.scores[ALL]).general or 0.0
