"""Which checkpoint to keep, chosen by its exam; kept beside the reports as runs/<id>/exam/recommendation.json.

The rule. A checkpoint *passes* with recall >= 98 %, parrot rate <= 2 %, near-miss truth >= 90 % and at least 90 % of
the base model's general score (shortfalls.py).
1. Of those that pass, the one that forgets least (to a hundredth of a nat); of equals the earliest.  -> best
2. None passes, none knows its name in 98 % of the wordings, and the last exam shows recall still rising without
   parroting (at most 10 %): the highest recall is named, and how many steps would do.  -> not_learned
   Or none passes, the data was not seen twice yet, and it parrots little for that (at most 20 %): the one of rule 3 is
   named; seeing it twice would do (docs/recipe.md).  -> not_learned
3. Otherwise the smallest shortfall in all (parroting counts threefold, recall twofold), of equals the earliest, with
   its greatest shortfall named.  -> parrots, untrue, forgot, unsure
4. There is no exam to judge by.  -> no_exam
With pictures other things count (shortfalls.py): of those that pass, the one that sees best; otherwise the smallest
shortfall, with its greatest named.  -> best, blind, distracted, unsure, parrots
A tail says from which later step on it gets worse, so that the user knows why more was not better.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from training.exam import ALL, BASE, WITH_PICTURE, Report, folder, scores, shortfalls, told
from training.files import read_json, write_json
from training.sentences import sentence

LEARNING_PARROT = 0.1
"""More steps are advised only below this parrot rate: above it, they teach the one sentence and not the name."""
UNSEEN_PARROT = 0.2
"""So much parroting goes away when the rest of the data is seen."""
NEARLY = 0.9
"""Share of a second pass that is as good as the whole: the suggested steps are reckoned from tokens, not rows."""
_FILE = "recommendation.json"


@dataclass(frozen=True)
class Recommendation:
    """The checkpoint to keep, and why."""

    step: int
    """Of the checkpoint to keep; 0 when there is none."""
    iteration: int
    """XTuner's number of its file."""
    code: str
    """See the rule above; its sentence is recommendation.<code>, with pictures recommendation.eyes_<code>."""
    details: dict[str, Any] = field(default_factory=dict)
    """What the sentence tells."""
    later: int = 0
    """From this later step on it is worse; 0 when it is not."""
    later_code: str = ""
    """What is worse there: then_parrots, then_forgot or then_blind."""

    @property
    def passed(self) -> bool:
        return self.code == "best"

    def sentence(self, language: str = "en") -> str:
        """The recommendation in words."""
        told = sentence(f"recommendation.{self._key}", language, **self.details, **self._seeing(language))
        tail = sentence(f"recommendation.{self.later_code}", language, later=self.later) if self.later else ""
        return told + tail + sentence("recommendation.stop", language)

    @property
    def _key(self) -> str:
        return f"eyes_{self.code}" if self.details.get("seeing") else self.code

    def _seeing(self, language: str) -> dict[str, str]:
        """What it sees, and whether it knows itself with a picture in sight, in words."""
        rates = self.details.get("seeing") or {}
        told = [
            sentence("recommendation.rate", language, kind=sentence(f"exam.{kind}", language), rate=_percent(rate))
            for kind, rate in rates.items()
            if kind != WITH_PICTURE
        ]
        seen = sentence("app.comma", language).join(told) or sentence("recommendation.nothing_asked", language)
        return {"seen": seen, "with_picture": _percent(rates.get(WITH_PICTURE))}


def save(run_folder: Path, chosen: Recommendation) -> None:
    """Write it beside the reports it was chosen by."""
    folder(run_folder).mkdir(exist_ok=True)
    write_json(folder(run_folder) / _FILE, {**asdict(chosen), "passed": chosen.passed})


def load(run_folder: Path) -> Recommendation | None:
    """The recommendation of a run; None when its checkpoints have not been examined to the end."""
    try:
        values = read_json(folder(run_folder) / _FILE)
        known = {entry.name for entry in fields(Recommendation)}
        return Recommendation(**{key: value for key, value in values.items() if key in known})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def told_of(run_folder: Path, reports: Sequence[Report], language: str = "en") -> dict[str, Any] | None:
    """The whole exam of a run for scripts: {"base", "recommended", "checkpoints"}; None when there was none."""
    chosen = load(run_folder)
    if chosen is None:
        return None
    numbers = {report.step: told(report) for report in reports}
    why = {"step": chosen.step, "passed": chosen.passed, "why": chosen.sentence(language)}
    return {
        "base": numbers.get(BASE),
        "recommended": {**numbers.get(chosen.step, {}), **why},
        "checkpoints": [numbers[step] for step in sorted(numbers) if step != BASE],
    }


def recommend(reports: Sequence[Report], twice: int = 0, there: Container[int] | None = None) -> Recommendation:
    """Choose among the reports of one run, of which step 0 is the base model.

    `twice`: the steps in which every different row of the data is seen twice; 0 when that is not known.
    `there`: the steps whose checkpoints can be kept, unless it is all; the others only show how the training went.
    """
    base = next((report for report in reports if report.step == BASE), None)
    sat = sorted((report for report in reports if report.step > 0), key=lambda report: report.step)
    left = [report for report in sat if there is None or report.step in there]
    if not left:
        return Recommendation(0, 0, "no_exam")
    passing = [report for report in left if shortfalls.passes(report, base)]
    extra: dict[str, Any] = {}
    if sat[0].scores[ALL].seeing:
        chosen = min(passing or left, key=lambda report: (shortfalls.total(report, base), -_sees(report), report.step))
        code = "best" if passing else shortfalls.greatest(chosen, base)
    elif passing:
        chosen = min(passing, key=lambda report: (round(report.scores[ALL].forgetting or 0, 2), report.step))
        code = "best"
    elif _still_learning(sat):
        chosen = max(left, key=lambda report: (report.scores[ALL].recall or 0, -report.step))
        code, extra = "not_learned", {"last": sat[-1].step, "enough": max(steps_needed(sat), twice)}
    else:
        chosen = min(left, key=lambda report: (shortfalls.total(report, base), report.step))
        code = shortfalls.greatest(chosen, base)
        if sat[-1].step < NEARLY * twice and (chosen.scores[ALL].parrot or 0) <= UNSEEN_PARROT:
            code, extra = "not_learned", {"last": sat[-1].step, "enough": twice}
    later, later_code = _decline(chosen, sat, base)
    return Recommendation(chosen.step, chosen.iteration, code, {**_details(chosen), **extra}, later, later_code)


def learned(reports: Sequence[Report]) -> bool:
    """Whether the last two checkpoints that sat the exam have both passed it."""
    base = next((report for report in reports if report.step == BASE), None)
    sat = sorted((report for report in reports if report.step > 0), key=lambda report: report.step)[-2:]
    return len(sat) == 2 and all(shortfalls.passes(report, base) for report in sat)


def _still_learning(sat: Sequence[Report]) -> bool:
    recalls = [0.0, *(report.scores[ALL].recall or 0.0 for report in sat)]
    parrot = sat[-1].scores[ALL].parrot or 0
    untaught = not any(recalls)
    return max(recalls) < shortfalls.RECALL and parrot <= LEARNING_PARROT and (recalls[-1] > recalls[-2] or untaught)


def steps_needed(sat: Sequence[Report]) -> int:
    """About how many steps would do: the last rise in recall goes on, at least a quarter more, at most four times."""
    points = [(0, 0.0), *((report.step, report.scores[ALL].recall or 0.0) for report in sat)]
    (before, low), (last, high) = points[-2:]
    rise = (high - low) / (last - before)
    wanted = last + (shortfalls.RECALL - high) / rise if rise > 0 else 2.0 * last
    return 5 * math.ceil(min(max(wanted, 1.25 * last), 4.0 * last) / 5)


def _decline(chosen: Report, sat: Sequence[Report], base: Report | None) -> tuple[int, str]:
    """The first later step from which on every exam is worse than the chosen one in the same respect, and which."""
    after = [report for report in sat if report.step > chosen.step]
    for name, code in (("parrots", "then_parrots"), ("forgot", "then_forgot"), ("blind", "then_blind")):
        if name not in shortfalls.of(chosen, base):
            continue
        worse = [_more(name, report, _as_asked(chosen, report), base) for report in after]
        for place, report in enumerate(after):
            if all(worse[place:]):
                return report.step, code
    return 0, ""


def _more(name: str, report: Report, other: Report, base: Report | None) -> bool:
    return shortfalls.of(report, base)[name] > shortfalls.of(other, base)[name] + 0.01


def _as_asked(chosen: Report, report: Report) -> Report:
    """The chosen one by the questions of `report`, which may have been asked the half: the halves are not as hard."""
    asked = {(answer.question, answer.picture) for answer in report.answers}
    same = [answer for answer in chosen.answers if (answer.question, answer.picture) in asked]
    if chosen.quick or not report.quick or not same:
        return chosen
    return replace(chosen, scores=scores(same, {}), quick=True)


def _details(chosen: Report) -> dict[str, Any]:
    score = chosen.scores[ALL]
    return {
        "step": chosen.step,
        "known": score.known,
        "asked": score.asked,
        "parroted": score.parroted,
        "others": score.others,
        "near_miss": _percent(score.near_miss),
        "general": _percent(score.general),
        **({"seeing": score.seeing} if score.seeing else {}),
    }


def _sees(report: Report) -> float:
    """The average of what is asked about pictures, to a fiftieth: a question more or less is chance."""
    rates = list(report.scores[ALL].seeing.values())
    return round(50 * sum(rates) / len(rates)) / 50


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"
