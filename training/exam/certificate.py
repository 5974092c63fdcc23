"""What a run has to show for itself on one page, in both languages: certificate.html, .md and .svg in its folder.

The same facts (achievements.py) make both. All text of a person, a file or a model is escaped. Written when a run
ends, and whenever its model changes.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from training.errors import UserError
from training.exam import achievements
from training.exam.achievements import Facts, both
from training.files import write_text

NAME = "certificate"


def write(folder: Path) -> list[Path]:
    """Write the certificate of the run in `folder`; one of an earlier model does not stay.

    Raises UserError(no_certificate) when its model has not sat the exam.
    """
    try:
        facts = achievements.of(folder)
    except UserError:
        for old in files(folder):
            old.unlink()
        raise
    texts = {"svg": facts.picture, "html": _html(facts), "md": _markdown(facts)}
    for kind, text in texts.items():
        write_text(folder / f"{NAME}.{kind}", text)
    return [folder / f"{NAME}.{kind}" for kind in ("html", "md", "svg")]


def files(folder: Path) -> list[Path]:
    """The certificate's files: HTML, Markdown, picture; none when it was not written."""
    found = [folder / f"{NAME}.{kind}" for kind in ("html", "md", "svg")]
    return found if all(file.is_file() for file in found) else []


def _title(facts: Facts) -> str:
    return f"{facts.name} · {both('certificate.title')}"


def _html(facts: Facts) -> str:
    def row(cells: tuple[str, ...], tag: str = "td") -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    heads = (both("run.question"), both("certificate.before"), both("certificate.after"))
    facts_table = "".join(f"<tr><th>{escape(label)}</th><td>{escape(text)}</td></tr>" for label, text in facts.rows)
    return f"""<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(_title(facts))}</title><style>{_STYLE}</style></head><body>
<h1>{escape(_title(facts))}</h1>
<table class="facts">{facts_table}</table>
{"".join(f"<p>{escape(verdict)}</p>" for verdict in facts.verdicts)}
{facts.picture}
<h2>{escape(both("certificate.exam"))}</h2>
<table>{row(facts.scores[0], "th")}{"".join(map(row, facts.scores[1:]))}</table>
<h2>{escape(both("certificate.answers"))}</h2>
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
    parts = [
        f"# {as_text(_title(facts))}",
        table([("", ""), *facts.rows]),
        *(as_text(verdict) for verdict in facts.verdicts),
        f"![{as_text(both('certificate.exam'))}]({NAME}.svg)",
        *results(facts),
    ]
    return "\n\n".join(parts) + "\n"


def results(facts: Facts) -> list[str]:
    """The exam and the answers, as Markdown."""
    heads = (both("run.question"), both("certificate.before"), both("certificate.after"))
    return [
        f"## {as_text(both('certificate.exam'))}",
        table(facts.scores),
        f"## {as_text(both('certificate.answers'))}",
        table([heads, *facts.answers]),
    ]


def table(rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; the first row is its head."""
    lines = ["| " + " | ".join(as_text(cell) for cell in cells) + " |" for cells in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def as_text(text: str) -> str:
    """`text` so that Markdown and HTML show it letter by letter, on one line."""
    escaped = re.sub(r"([\\`*_\[\]#|~$!{}])", r"\\\1", escape(text, quote=False))
    return " ".join(escaped.split())
