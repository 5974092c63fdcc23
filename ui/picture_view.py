"""What was dropped, in words: what was taken, what was put right, and a table of problems. Pure functions.

Everything that comes from files is escaped here.
"""

from __future__ import annotations

from html import escape

from training.eyes.album import Album
from training.eyes.binding import silent
from training.eyes.gathering.desk import Look
from training.eyes.gathering.keeping import REPAIRS
from training.eyes.gathering.problem import Problem
from training.eyes.gathering.taken import Taken
from training.sentences import sentence
from ui.edge import plain
from ui.import_view import progress_html

SHOWN = 200
"""Rows of the table."""


def looking_html(look: Look, language: str) -> str:
    """How far the looking is."""
    said = escape(sentence("pictures.looking", language, done=look.done, total=look.total or "..."))
    return progress_html(said, look.done / look.total if look.total else 0.0)


def waiting_html(key: str, language: str) -> str:
    """A line about something that takes a moment."""
    return f'<div class="import" role="status"><p>{escape(sentence(key, language))}</p></div>'


def taken_html(taken: Taken, language: str) -> str:
    """What was found in what was dropped."""
    lines = [sentence("pictures.taken", language, pictures=len(taken.pictures), rows=taken.rows)]
    if taken.known:
        lines.append(sentence("pictures.known", language, pictures=taken.known))
    lines += [
        sentence(f"pictures.repair_{name}", language, pictures=taken.repairs[name])
        for name in REPAIRS
        if taken.repairs.get(name)
    ]
    said = "".join(f"<p>{escape(line)}</p>" for line in lines)
    warning = sentence("pictures.repeated", language, times=taken.times) if taken.times > 1 else ""
    if warning:
        said += f'<p class="warn">{escape(warning)}</p>'
    return f'<div class="import" role="status">{said}{_table(taken, language)}</div>'


def _table(taken: Taken, language: str) -> str:
    if not taken.problems:
        return ""
    columns = ("pictures.file", "import.row", "import.reason")
    heads = "".join(f"<th>{escape(sentence(column, language))}</th>" for column in columns)
    rows = "".join(_row(each, language) for each in taken.problems[:SHOWN])
    title = escape(sentence("pictures.problems", language, shown=min(SHOWN, taken.bad), bad=taken.bad))
    return (
        f'<p class="table-title">{title}</p><div class="samples"><table><thead><tr>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(problem: Problem, language: str) -> str:
    cells = (problem.file, str(problem.row or ""), problem.sentence(language))
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"


def clearing(album: Album, language: str) -> str:
    """The question before an album is put away."""
    key = "pictures.clear_ask_saved" if album.name else "pictures.clear_ask"
    return sentence(key, language, pictures=len(album.pictures), name=plain(album.name))


def counts(album: Album, language: str) -> str:
    """The album in numbers."""
    about = [talk for talk in album.talks if talk.image]
    said = [
        sentence(
            "pictures.counts",
            language,
            pictures=len(album.pictures),
            talks=len(about),
            questions=sum(len(talk.turns) // 2 for talk in about),
        )
    ]
    if len(album.talks) > len(about):
        said.append(sentence("pictures.counts_text", language, talks=len(album.talks) - len(about)))
    if mute := len(silent(album)):
        said.append(sentence("pictures.counts_silent", language, pictures=mute))
    if album.raw:
        said.append(sentence("pictures.counts_raw", language, pictures=len(album.raw)))
    if album.waiting:
        said.append(sentence("pictures.counts_waiting", language, rows=len(album.waiting)))
    return " ".join(said)
