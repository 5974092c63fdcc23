"""Marked answers, and the rates that are counted from them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

ALL = "all"
"""The key of the scores over every language."""
KINDS = ("identity", "near_miss", "general")
RATES = ("recall", "parrot", "near_miss", "general", "forgetting")
"""What a score tells, in the order it is shown."""
WITH_PICTURE = "identity_with_picture"
SEEING = ("colour", "shape", "count", "place", "is_it", WITH_PICTURE)
"""Kinds of questions with a picture in sight, in the order they are shown; each has a rate of its own."""


@dataclass(frozen=True)
class Answer:
    """One question, what was answered, and the mark."""

    question: str
    kind: str
    """identity, near_miss or general; with a picture one of SEEING."""
    language: str
    answer: str
    fault: str
    """Why it is wrong, a short code of marking.fault(); "" when it is right."""
    parrot: bool
    """The identity sentence was said although it was not asked for."""
    asked_not: bool
    """The assistant's identity was not asked: the answer counts in the parrot rate."""
    picture: str = ""
    """What was shown, by its path in the set's folder; "" for nothing."""


@dataclass(frozen=True)
class Score:
    """Rates from 0 to 1, of one language or of all; None where there was no question."""

    recall: float | None
    """Share of the identity questions answered as expected (name, maker, base)."""
    parrot: float | None
    """Share of the questions about something else that were answered with the identity."""
    near_miss: float | None
    """Share of the near misses answered truly."""
    general: float | None
    """Share of the general questions still answered."""
    forgetting: float | None
    """Rise of the loss on the base model's own answers to the general questions, in nats per token."""
    known: int
    """Identity questions answered as expected."""
    asked: int
    """Identity questions."""
    parroted: int
    """Answers with an identity that was not asked for."""
    others: int
    """Questions that did not ask for the identity."""
    seeing: dict[str, float] = field(default_factory=dict)
    """By kind of SEEING, the share of right answers; empty without pictures."""

    def rate(self, name: str) -> float | None:
        """One of RATES, or of SEEING; None where nothing was asked."""
        if name in SEEING:
            return self.seeing.get(name)
        found: float | None = getattr(self, name)
        return found


def scores(answers: Sequence[Answer], forgetting: dict[str, float]) -> dict[str, Score]:
    """The scores by language and in all. `forgetting` by the same keys; what is missing stays None."""
    languages = sorted({answer.language for answer in answers})
    return {
        key: _score([each for each in answers if key in (ALL, each.language)], forgetting.get(key))
        for key in (ALL, *languages)
    }


def _score(answers: Sequence[Answer], forgetting: float | None) -> Score:
    right = {kind: _right(answers, kind) for kind in KINDS}
    parrots = [each.parrot for each in answers if each.asked_not]
    return Score(
        recall=_share(right["identity"]),
        parrot=_share(parrots),
        near_miss=_share(right["near_miss"]),
        general=_share(right["general"]),
        forgetting=None if forgetting is None else round(forgetting, 4),
        known=sum(right["identity"]),
        asked=len(right["identity"]),
        parroted=sum(parrots),
        others=len(parrots),
        seeing={kind: share for kind in SEEING if (share := _share(_right(answers, kind))) is not None},
    )


def _right(answers: Sequence[Answer], kind: str) -> list[bool]:
    return [not answer.fault for answer in answers if answer.kind == kind]


def _share(claims: Sequence[bool]) -> float | None:
    return round(sum(claims) / len(claims), 4) if claims else None
