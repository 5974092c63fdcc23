"""An import as the page shows it: how far it is, what was found, and the table of problems. Pure functions.

Everything that comes from the file is escaped here.
"""

from __future__ import annotations

from html import escape

from training.importing import report_words
from training.importing.desk import Look
from training.importing.problems import Problem
from training.importing.report import Report
from training.sentences import sentence

SHOWN = 100
"""Rows of the table; the list that can be downloaded has all."""


def import_html(look: Look, language: str) -> str:
    """The whole of it."""
    if look.error:
        return f'<div class="import" role="alert"><p class="bad">{escape(look.error.sentence(language))}</p></div>'
    if look.report:
        return _report(look.report, language)
    progress = look.progress
    share = f"{progress.share:.0%}" if progress.share else "..."
    said = escape(sentence("import.reading", language, share=share, rows=progress.rows, bad=progress.bad))
    return progress_html(said, progress.share)


def progress_html(said: str, share: float) -> str:
    """A line, escaped already, over a bar."""
    bar = f'<div class="bar"><div style="width:{100 * share:.0f}%"></div></div>'
    return f'<div class="import" role="status"><p>{said}</p>{bar}</div>'


def _report(report: Report, language: str) -> str:
    lines = [report_words.recognised(report, language), report_words.kept(report, language)]
    if not report.rows:
        lines = [sentence("error.import_nothing_good", language, file=report.file, bad=report.bad)]
    said = "".join(f"<p>{escape(line)}</p>" for line in lines)
    repairs = "".join(f"<li>{escape(line)}</li>" for line in report_words.repairs(report, language))
    notes = "".join(f'<p class="warn">{escape(line)}</p>' for line in report_words.notes(report, language))
    if repairs:
        repairs = f"<p>{escape(sentence('import.repaired', language))}</p><ul>{repairs}</ul>"
    tone = "" if report.rows else " none"
    return f'<div class="import{tone}" role="status">{said}{repairs}{notes}{_table(report, language)}</div>'


def _table(report: Report, language: str) -> str:
    if not report.problems:
        return ""
    heads = "".join(
        f"<th>{escape(sentence(f'import.{column}', language))}</th>" for column in ("row", "field", "reason")
    )
    rows = "".join(_row(problem, language) for problem in report.problems[:SHOWN])
    title = escape(sentence("import.problems", language, shown=min(SHOWN, report.bad), bad=report.bad))
    return (
        f'<p class="table-title">{title}</p><div class="samples"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(problem: Problem, language: str) -> str:
    cells = (str(problem.row), problem.field, problem.sentence(language))
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
