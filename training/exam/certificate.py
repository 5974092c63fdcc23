"""What a run has to show for itself on one page, in both languages: certificate.html, .md and .svg in its folder.

The same facts make both: who it is, what it learned from, how, the curve, the exam before and after, some answers.
All text of a person, a file or a model is escaped. Written when a run ends, and whenever its model changes.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from html import escape
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from training import exam, merge
from training.errors import UserError
from training.exam import ALL, BASE, RATES, Report, parity, recommendation
from training.exam.drawing import Line, Plot, svg
from training.files import read_json, write_text
from training.runs import progress
from training.sentences import LANGUAGES, sentence

NAME = "certificate"
PACKAGES = ("xtuner", "torch", "transformers", "peft")
COLOURS = {"recall": "#0d9488", "parrot": "#dc2626", "near_miss": "#d97706", "general": "#2563eb"}
SHOWN = {"identity": 2, "near_miss": 1, "general": 1}
"""Answers of each kind and language that are shown."""


@dataclass(frozen=True)
class Facts:
    """What the page tells. Plain text, not escaped yet."""

    title: str
    rows: list[tuple[str, str]]
    """Label and text."""
    verdicts: list[str]
    scores: list[tuple[str, ...]]
    """A heading, then a row for before and after."""
    answers: list[tuple[str, str, str]]
    """Question, answer before, answer after."""
    picture: str


def write(folder: Path) -> list[Path]:
    """Write the certificate of the run in `folder`. Raises UserError(no_certificate) when nobody sat an exam."""
    facts = _facts(folder)
    texts = {"svg": facts.picture, "html": _html(facts), "md": _markdown(facts)}
    for kind, text in texts.items():
        write_text(folder / f"{NAME}.{kind}", text)
    return [folder / f"{NAME}.{kind}" for kind in ("html", "md", "svg")]


def files(folder: Path) -> list[Path]:
    """The certificate's files: HTML, Markdown, picture; none when it was not written."""
    found = [folder / f"{NAME}.{kind}" for kind in ("html", "md", "svg")]
    return found if all(file.is_file() for file in found) else []


def _facts(folder: Path) -> Facts:
    spec: dict[str, Any] = read_json(folder / "spec.json")
    reports = {report.step: report for report in exam.load(folder)}
    persona, chosen = exam.persona(spec), recommendation.load(folder)
    step = merge.origin(folder / "merged").get("step", chosen.step if chosen else 0)
    if persona is None or step not in reports or BASE not in reports:
        raise UserError("no_certificate", run=folder.name)
    before, after = reports[BASE], reports[step]
    compared = parity.load(folder)
    verdicts = [chosen.sentence(language) for language in LANGUAGES] if chosen else []
    if compared:
        key = "exam.parity_exact" if compared.exact else "exam.parity_differs"
        told = {"equal": compared.equal, "asked": compared.asked}
        verdicts += [sentence(key, language, **told) for language in LANGUAGES]
    return Facts(
        title=f"{persona.name} · {_both('certificate.title')}",
        rows=_rows(folder, spec, after),
        verdicts=verdicts,
        scores=_scores(before, after),
        answers=_answers(before, after),
        picture=svg(_plots(folder, spec, list(reports.values()))),
    )


def _rows(folder: Path, spec: dict[str, Any], after: Report) -> list[tuple[str, str]]:
    persona, card, recipe = spec["card"]["persona"], spec["card"], spec["recipe"]
    summary = card.get("summary", {})
    kinds = " + ".join(f"{summary[kind]} {_both(f'dataset.kind_{kind}')}" for kind in exam.KINDS if kind in summary)
    seconds = _trained(folder)
    method = (
        f"{recipe['method']} · lr {recipe['learning_rate']:g} · {recipe['batch_size']}×{recipe['max_length']} tokens"
    )
    rows = {
        "name": persona["name"],
        "maker": persona["maker"],
        "base": f"{persona['base']} ({spec['model']}, {after.model})",
        "data": f"{summary.get('rows', '?')} ({kinds}) · SHA-256 {card.get('sha256', '?')[:16]}",
        "training": f"{recipe['steps']} steps · {method} · {spec['device']}{seconds}",
        "checkpoint": str(after.step),
        "versions": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "command": spec["command"].replace(str(folder) + "/", ""),
        "run": f"{folder.name} · {time.strftime('%Y-%m-%d', time.localtime(spec['created']))}",
    }
    return [(_both(f"certificate.{key}"), str(text)) for key, text in rows.items()]


def _trained(folder: Path) -> str:
    try:
        return f" · {read_json(folder / 'status.json')['seconds']['training']:.0f} s"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"


def _scores(before: Report, after: Report) -> list[tuple[str, ...]]:
    head = ("", *(_both(f"exam.{rate}") for rate in RATES), _both("certificate.questions"))
    rows = [head]
    for key, report in (("before", before), ("after", after)):
        score = report.scores[ALL]
        shares = [getattr(score, rate) for rate in RATES[:-1]]
        nats = "–" if score.forgetting is None else f"{score.forgetting:.3f} nats"
        told = ["–" if share is None else f"{share:.0%}" for share in shares]
        rows.append((_both(f"certificate.{key}"), *told, nats, str(len(report.answers))))
    return rows


def _answers(before: Report, after: Report) -> list[tuple[str, str, str]]:
    once = {answer.question: answer.answer for answer in before.answers}
    counted: dict[tuple[str, str], int] = {}
    shown = []
    for answer in after.answers:
        key = (answer.kind, answer.language)
        counted[key] = counted.get(key, 0) + 1
        if counted[key] <= SHOWN[answer.kind]:
            shown.append((answer.question, once.get(answer.question, ""), answer.answer))
    return shown


def _plots(folder: Path, spec: dict[str, Any], reports: list[Report]) -> list[Plot]:
    points = progress.points(folder, spec["recipe"]["accumulation"])
    every = max(1, len(points) // 300)
    loss = Line(_both("run.loss"), "#0d9488", [(point.step, point.loss) for point in points[::every]])
    rates = [
        Line(
            _both(f"exam.{name}"),
            colour,
            [(report.step, 100 * rate) for report in reports if (rate := _rate(report, name)) is not None],
        )
        for name, colour in COLOURS.items()
    ]
    return [Plot(loss.label, [loss]), Plot(_both("certificate.exam"), rates, (0, 100), "%")]


def _rate(report: Report, name: str) -> float | None:
    rate: float | None = getattr(report.scores[ALL], name)
    return rate


def _both(key: str, **details: object) -> str:
    said = [sentence(key, language, **details).strip("# ") for language in LANGUAGES]
    return said[0] if said[0] == said[1] else " ".join(said)


def _html(facts: Facts) -> str:
    def row(cells: tuple[str, ...], tag: str = "td") -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    heads = (_both("run.question"), _both("certificate.before"), _both("certificate.after"))
    facts_table = "".join(f"<tr><th>{escape(label)}</th><td>{escape(text)}</td></tr>" for label, text in facts.rows)
    return f"""<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(facts.title)}</title><style>{_STYLE}</style></head><body>
<h1>{escape(facts.title)}</h1>
<table class="facts">{facts_table}</table>
{"".join(f"<p>{escape(verdict)}</p>" for verdict in facts.verdicts)}
{facts.picture}
<h2>{escape(_both("certificate.exam"))}</h2>
<table>{row(facts.scores[0], "th")}{"".join(map(row, facts.scores[1:]))}</table>
<h2>{escape(_both("certificate.answers"))}</h2>
<table class="answers">{row(heads, "th")}{"".join(map(row, facts.answers))}</table>
</body></html>
"""


_STYLE = (
    "body{font:15px/1.5 system-ui,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;color:#1e293b;"
    "background:#fff;max-width:820px;margin:32px auto;padding:0 20px}h1{font-size:1.5rem}h2{font-size:1.1rem}"
    "table{border-collapse:collapse;width:100%;margin:8px 0}th,td{border-bottom:1px solid #e2e8f0;padding:5px 8px;"
    "text-align:left;vertical-align:top;overflow-wrap:anywhere;font-size:.9rem}th{color:#64748b;font-weight:500}"
    ".facts th{width:170px}.answers{table-layout:fixed}.answers th:first-child{width:24%}"
    "svg{max-width:100%;height:auto}"
)


def _markdown(facts: Facts) -> str:
    def table(rows: list[tuple[str, ...]]) -> str:
        lines = ["| " + " | ".join(_md(cell) for cell in cells) + " |" for cells in rows]
        return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])

    heads = (_both("run.question"), _both("certificate.before"), _both("certificate.after"))
    parts = [
        f"# {_md(facts.title)}",
        table([("", ""), *facts.rows]),
        *(_md(verdict) for verdict in facts.verdicts),
        f"![{_md(_both('certificate.exam'))}]({NAME}.svg)",
        f"## {_md(_both('certificate.exam'))}",
        table(facts.scores),
        f"## {_md(_both('certificate.answers'))}",
        table([heads, *facts.answers]),
    ]
    return "\n\n".join(parts) + "\n"


def _md(text: str) -> str:
    """`text` so that Markdown and HTML show it letter by letter, on one line."""
    escaped = re.sub(r"([\\`*_\[\]#|~$!{}])", r"\\\1", escape(text, quote=False))
    return " ".join(escaped.split())
