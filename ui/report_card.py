"""The exam of a run as the page shows it: a table of numbers with the answers behind each, and a plot. Pure functions.

Everything that comes from a file or a person is escaped here. The answers open natively (popover), without a script.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from training.exam import ALL, BASE, SEEING, WITH_PICTURE, Answer, Report, Score
from training.exam.parity import Parity
from training.exam.recommendation import Recommendation
from training.exam.shortfalls import passes
from training.sentences import sentence, table


def _of_kind(kind: str) -> Callable[[Answer], bool]:
    return lambda answer: answer.kind == kind


COLUMNS: dict[str, Callable[[Answer], bool]] = {
    **{kind: _of_kind(kind) for kind in SEEING},
    "recall": lambda answer: answer.kind == "identity",
    "parrot": lambda answer: answer.asked_not,
    "near_miss": lambda answer: answer.kind == "near_miss",
    "general": lambda answer: answer.kind == "general",
}
"""The rates that are counted in answers, with whose answers those are."""
COLOURS = {"recall": "#0d9488", "parrot": "#dc2626", "near_miss": "#d97706", "general": "#2563eb"}
SEEN_COLOURS = {
    "colour": "#7c3aed",
    "shape": "#2563eb",
    WITH_PICTURE: "#d97706",
    "recall": "#0d9488",
    "parrot": "#dc2626",
}
"""Of the lines in the plot; with pictures others matter."""


def verdict_html(chosen: Recommendation, language: str) -> str:
    """The recommendation in one sentence."""
    tone = "passed" if chosen.passed else "compromise"
    return f'<p class="verdict {tone}" role="status">{escape(chosen.sentence(language))}</p>'


def card_html(reports: Sequence[Report], chosen: Recommendation | None, kept: int, scope: str, language: str) -> str:
    """The table over the checkpoints. `kept`: the step that was merged; `scope`: all, or the language counted."""
    columns = _columns(reports)
    head = "".join(
        f'<th title="{escape(_say(f"{name}_info", language))}">{escape(_say(name, language))}</th>'
        for name in ("checkpoint", *columns, *_nats_column(columns), "verdict")
    )
    base = next((report for report in reports if report.step == BASE), None)
    rows = "".join(
        _row(report, base, chosen, kept, scope, columns, language) for report in reports if scope in report.scores
    )
    return f'<div class="samples exam"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def sees(reports: Sequence[Report]) -> bool:
    """Whether anybody was asked about pictures: there are more columns then."""
    return any(report.scores[ALL].seeing for report in reports)


def _columns(reports: Sequence[Report]) -> list[str]:
    """The rates that anybody was asked for; without pictures the same for every run."""
    if not sees(reports):
        return [name for name in COLUMNS if name not in SEEING]
    asked = [score for report in reports for score in report.scores.values()]
    return [name for name in COLUMNS if any(score.rate(name) is not None for score in asked)]


def _nats_column(columns: Sequence[str]) -> tuple[str, ...]:
    """Forgetting, which nobody measures where there are pictures."""
    return () if set(columns) & set(SEEING) else ("forgetting",)


def _row(
    report: Report,
    base: Report | None,
    chosen: Recommendation | None,
    kept: int,
    scope: str,
    columns: Sequence[str],
    language: str,
) -> str:
    score = report.scores[scope]
    recommended = chosen is not None and report.step == chosen.step > 0
    name = _say("step", language, step=report.step) if report.step else _say("base", language)
    words = []
    if recommended:
        words.append(_say("recommended", language))
    if report.step == kept > 0:
        words.append(_say("merged", language))
    if report.step > 0 and passes(report, base):
        words.append(_say("passed", language))
    asked = _say("quick" if report.quick else "whole", language, count=len(_of(report.answers, scope)))
    cells = "".join(f"<td>{_cell(report, column, scope, language)}</td>" for column in columns)
    cells += "".join(f"<td>{_nats(score, language)}</td>" for _ in _nats_column(columns))
    tone = "recommended" if recommended else ""
    return (
        f'<tr class="{tone}"><th scope="row">{escape(name)}<small>{escape(asked)}</small>'
        f"</th>{cells}<td>{escape(' · '.join(words))}</td></tr>"
    )


def _cell(report: Report, column: str, scope: str, language: str) -> str:
    """The rate, which opens the answers it was counted from."""
    answers = [answer for answer in _of(report.answers, scope) if COLUMNS[column](answer)]
    rate = report.scores[scope].rate(column)
    if rate is None or not answers:
        return "–"
    wrong = [_wrong(answer, column) for answer in answers]
    count = sum(wrong) if column == "parrot" else len(wrong) - sum(wrong)
    place = f"exam-{report.step}-{column}"
    name = _say("step", language, step=report.step) if report.step else _say("base", language)
    title = f"{name} · {_say(column, language)} · {count}/{len(answers)}"
    in_order = sorted(zip(wrong, answers), key=lambda pair: not pair[0])  # what is wrong first
    listed = "".join(_answer(answer, bad, column, language) for bad, answer in in_order)
    return (
        f'<button type="button" class="rate" popovertarget="{place}" aria-label="{escape(title)}">'
        f"{rate:.0%}<small>{count}/{len(answers)}</small></button>"
        f'<div popover id="{place}" class="answers"><h4>{escape(title)}</h4>'
        f"<p>{escape(_say(f'{column}_info', language))}</p><ul>{listed}</ul></div>"
    )


def _answer(answer: Answer, bad: bool, column: str, language: str) -> str:
    why = ""
    if bad:
        fault = "parrot" if column == "parrot" else answer.fault
        why = f"<em>{escape(fault_words(fault, language))}</em>"
    said = answer.answer or _say("silence", language)
    return (
        f'<li class="{"wrong" if bad else "right"}"><strong>{escape(answer.question)}</strong>'
        f"<span>{escape(said)}</span>{why}</li>"
    )


def _wrong(answer: Answer, column: str) -> bool:
    return answer.parrot if column == "parrot" else bool(answer.fault)


def fault_words(fault: str, language: str) -> str:
    """Why an answer is wrong, in words."""
    key = f"exam.fault_{fault}"
    return sentence(key if key in table(language) else "exam.fault_other", language)


def _of(answers: Sequence[Answer], scope: str) -> list[Answer]:
    return [answer for answer in answers if scope in (ALL, answer.language)]


def _nats(score: Score, language: str) -> str:
    if score.forgetting is None:
        return "–"
    return escape(_say("nats", language, value=f"{score.forgetting:.3f}"))


def colours(reports: Sequence[Report], language: str) -> dict[str, str]:
    """The colour of each line of the plot, by its name."""
    return {_say(name, language): colour for name, colour in _lines(reports).items()}


def _lines(reports: Sequence[Report]) -> dict[str, str]:
    return SEEN_COLOURS if sees(reports) else COLOURS


def rates(reports: Sequence[Report], scope: str, language: str) -> Any:
    """The rates over the steps as a pandas table for gr.LinePlot, in per cent."""
    import pandas  # the page imports it anyway, the tests of this room need not

    rows = [
        (report.step, 100 * rate, _say(name, language))
        for report in reports
        for name in _lines(reports)
        if scope in report.scores and (rate := report.scores[scope].rate(name)) is not None
    ]
    return pandas.DataFrame(rows, columns=[sentence("run.step", language), "%", "series"])


def _say(key: str, language: str, **details: object) -> str:
    return sentence(f"exam.{key}", language, **details)


def parity_html(parity: Parity | None, language: str) -> str:
    """Whether the merged model answers as its checkpoint did; the answers that differ, if any, one click away."""
    if parity is None:
        return ""
    told = {"equal": parity.equal, "asked": parity.asked, "step": parity.step, "precision": parity.precision}
    if parity.exact:
        return f'<p class="parity">{escape(_say("parity_exact", language, **told))}</p>'
    rows = "".join(
        f'<li class="wrong"><strong>{escape(each.question)}</strong><span>{escape(each.adapter)}</span>'
        f"<span>{escape(each.merged)}</span></li>"
        for each in parity.differences
    )
    return (
        f'<details class="parity answers"><summary>{escape(_say("parity_differs", language, **told))}</summary>'
        f"<p>{escape(_say('parity_why', language, **told))}</p><ul>{rows}</ul></details>"
    )
