"""What a run has to show for itself, as plain facts in both languages: for its certificate and its model card.

Who it is, what it learned from, how, the curve, the exam before and after, some answers.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training import exam, merge
from training.environment import versions
from training.errors import UserError
from training.exam import ALL, BASE, RATES, SEEING, WITH_PICTURE, Report, parity, recommendation
from training.exam.drawing import Line, Plot, svg
from training.files import read_json
from training.runs import progress, status
from training.sentences import LANGUAGES, sentence

COLOURS = {
    "recall": "#0d9488",
    "parrot": "#dc2626",
    "near_miss": "#d97706",
    "general": "#2563eb",
    "colour": "#7c3aed",
    "shape": "#db2777",
    WITH_PICTURE: "#65a30d",
}
SHOWN = {"identity": 2, "near_miss": 1, "general": 1}
"""Answers of each kind and language that are shown."""


@dataclass(frozen=True)
class Facts:
    """What is told. Plain text, not escaped yet."""

    name: str
    """Who it is about."""
    rows: list[tuple[str, str]]
    """Label and text."""
    verdicts: list[str]
    scores: list[tuple[str, ...]]
    """A heading, then a row for before and after."""
    answers: list[tuple[str, str, str]]
    """Question, answer before, answer after."""
    picture: str


def of(folder: Path, uncertified: bool = False) -> Facts:
    """The facts of the run in `folder`. Raises UserError(no_certificate) when nobody sat an exam.

    `uncertified`: such a run is told as well, without scores and answers.
    """
    spec: dict[str, Any] = read_json(folder / "spec.json")
    reports = {report.step: report for report in exam.load(folder)}
    persona, chosen = exam.persona(spec), recommendation.load(folder)
    step = merge.origin(folder / "merged").get("step", chosen.step if chosen else 0)
    before, after = reports.get(BASE), reports.get(step)
    if not uncertified and (persona is None or before is None or after is None):
        raise UserError("no_certificate", run=folder.name)
    compared = parity.load(folder)
    verdicts = [chosen.sentence(language) for language in LANGUAGES] if chosen and chosen.step == step else []
    if compared:
        key = "exam.parity_exact" if compared.exact else "exam.parity_differs"
        told = {"equal": compared.equal, "asked": compared.asked}
        verdicts += [sentence(key, language, **told) for language in LANGUAGES]
    return Facts(
        name=persona.name if persona else str(spec.get("name") or folder.name),
        rows=_rows(folder, spec, step, after.model if after else ""),
        verdicts=verdicts,
        scores=_scores(before, after) if before and after else [],
        answers=_answers(before, after) if before and after else [],
        picture=svg(_plots(folder, spec, list(reports.values()))),
    )


def _rows(folder: Path, spec: dict[str, Any], step: int, weights: str) -> list[tuple[str, str]]:
    card, recipe = spec.get("card") or {}, spec["recipe"]
    persona = card.get("persona")
    summary = card.get("summary", {})
    kinds = " + ".join(f"{summary[kind]} {both(f'dataset.kind_{kind}')}" for kind in exam.KINDS if kind in summary)
    seconds = _trained(folder)
    used = {**versions(), **spec.get("versions", {})}  # a run of before they were written down has today's
    method = (
        f"{recipe['method']} · lr {recipe['learning_rate']:g} · {recipe['batch_size']}×{recipe['max_length']} tokens"
    )
    model = ", ".join(part for part in (Path(spec["model"]).name, weights) if part)  # a path is nobody's business
    who = {"name": persona["name"], "maker": persona["maker"]} if persona else {}
    rows = {
        **who,
        "base": f"{persona['base']} ({model})" if persona else model,
        "data": f"{_data(summary, kinds)} · SHA-256 {card.get('sha256', '?')[:16]}",
        "training": f"{_steps(folder, spec)} steps · {method} · {spec['device']}{seconds}",
        "checkpoint": str(step),
        "versions": ", ".join(f"{name} {number}" for name, number in used.items()),
        "command": _without_folder(spec["command"]),
        "run": f"{folder.name} · {time.strftime('%Y-%m-%d', time.localtime(spec['created']))}",
    }
    return [(both(f"certificate.{key}"), str(text)) for key, text in rows.items()]


def _data(summary: dict[str, Any], kinds: str) -> str:
    """Rows of each kind; pictures, where there are some."""
    if "pictures" in summary:
        return both("certificate.pictures", pictures=summary["pictures"], talks=summary.get("talks", "?"))
    return f"{summary.get('rows', '?')} ({kinds})"


def _without_folder(command: str) -> str:
    """The command as one types it in the run's folder, wherever that was when the run began."""
    where = re.search(r" '?(/.*?/)(?:pretrain/)?config\.py", command)
    return command.replace(where[1], "") if where else command


def _steps(folder: Path, spec: dict[str, Any]) -> str:
    """How many steps were trained, and of how many where it ended before; of both stages where there are two."""
    first, wanted = (spec.get("eyes") or {}).get("pretrain_steps") or 0, spec["recipe"]["steps"]
    now = status.read(folder)
    total = first if now and first and "training" not in now.seconds else wanted
    done = f"{now.step} of {total}" if now and 0 < now.step < total else f"{total}"
    return f"{first} + {done}" if first and total == wanted else done


def _trained(folder: Path) -> str:
    now = status.read(folder)
    return f" · {now.seconds['training']:.0f} s" if now and "training" in now.seconds else ""


def _scores(before: Report, after: Report) -> list[tuple[str, ...]]:
    seen = tuple(kind for kind in SEEING if after.scores[ALL].rate(kind) is not None)
    head = ("", *(both(f"exam.{rate}") for rate in (*seen, *RATES)), both("certificate.questions"))
    rows = [head]
    for key, report in (("before", before), ("after", after)):
        score = report.scores[ALL]
        shares = [score.rate(rate) for rate in (*seen, *RATES[:-1])]
        nats = "–" if score.forgetting is None else f"{score.forgetting:.3f} nats"
        told = ["–" if share is None else f"{share:.0%}" for share in shares]
        rows.append((both(f"certificate.{key}"), *told, nats, str(len(report.answers))))
    return rows


def _answers(before: Report, after: Report) -> list[tuple[str, str, str]]:
    once = {answer.question: answer.answer for answer in before.answers}
    counted: dict[tuple[str, str], int] = {}
    shown = []
    for answer in after.answers:
        key = (answer.kind, answer.language)
        counted[key] = counted.get(key, 0) + 1
        if counted[key] <= SHOWN.get(answer.kind, 1):
            shown.append((answer.question, once.get(answer.question, ""), answer.answer))
    return shown


def _plots(folder: Path, spec: dict[str, Any], reports: list[Report]) -> list[Plot]:
    points = progress.points(folder, spec["recipe"]["accumulation"])
    every = max(1, len(points) // 300)
    loss = Line(both("run.loss"), "#0d9488", [(point.step, point.loss) for point in points[::every]])
    rates = [
        Line(
            both(f"exam.{name}"),
            colour,
            [(report.step, 100 * rate) for report in reports if (rate := report.scores[ALL].rate(name)) is not None],
        )
        for name, colour in COLOURS.items()
        if any(report.scores[ALL].rate(name) is not None for report in reports)
    ]
    return [Plot(loss.label, [loss]), Plot(both("certificate.exam"), rates, (0, 100), "%")]


def both(key: str, **details: object) -> str:
    """What `key` says, in both languages."""
    said = [sentence(key, language, **details).strip("# ") for language in LANGUAGES]
    return said[0] if said[0] == said[1] else " ".join(said)
