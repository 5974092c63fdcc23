"""A report in sentences: what the file is, what was kept, what was put right, what to think about."""

from __future__ import annotations

from training.importing.report import Report
from training.sentences import sentence

_DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
MANY = 100
"""A row that is there so often is what the course does to teach a parrot."""


def lines(report: Report, language: str) -> list[str]:
    """Everything a person should know, a sentence each."""
    return [recognised(report, language), kept(report, language), *repairs(report, language), *notes(report, language)]


def recognised(report: Report, language: str) -> str:
    """What the file was taken for."""
    comma = sentence("app.comma", language)
    form = comma.join(_format(name, rows, report, language) for name, rows in report.formats.items())
    said = [sentence(f"import.kind_{report.kind}", language), form]
    if report.delimiter:
        said.append(sentence(f"import.delimiter_{_DELIMITERS.get(report.delimiter, 'other')}", language))
    if report.encoding:
        said.append(sentence(f"import.encoding_{report.encoding.replace('-', '_')}", language))
    return sentence("import.recognised", language, what=comma.join(part for part in said if part))


def _format(name: str, rows: int, report: Report, language: str) -> str:
    said = sentence(f"import.format_{name}", language)
    return said if len(report.formats) == 1 else sentence("import.format_rows", language, format=said, rows=rows)


def kept(report: Report, language: str) -> str:
    """How many rows are good, bad, repeated."""
    said = sentence("import.kept", language, rows=report.rows, bad=report.bad)
    if report.repeats:
        said += sentence("app.comma", language) + sentence("import.repeats", language, rows=report.repeats)
    return said


def repairs(report: Report, language: str) -> list[str]:
    """What was put right."""
    return [sentence(f"repair.{code}", language, times=times) for code, times in report.repairs.items()]


def notes(report: Report, language: str) -> list[str]:
    """What to think about before training."""
    said = []
    if not report.named:
        said.append(sentence("import.note_unnamed", language))
    if report.waiting:
        said.append(sentence("import.note_waiting", language, rows=report.waiting))
    if report.filled:
        said.append(sentence("import.note_filled", language, rows=report.filled))
    if report.unnamed:
        said.append(sentence("import.note_nobody", language))
    if report.summary and report.rows == 1:
        said.append(sentence("import.note_one", language))
    elif report.summary and report.summary.most_repeated >= MANY:
        said.append(sentence("import.note_parrot", language, times=report.summary.most_repeated))
    return said
