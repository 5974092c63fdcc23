"""A publishing as the page shows it: what is asked first, how far it is, how it ended. Pure functions."""

from __future__ import annotations

from html import escape

from hub import address
from training import publishing, runs
from training.publishing import Look
from training.sentences import sentence
from ui.edge import plain
from ui.import_view import progress_html


def question(run: str, repo: str, language: str) -> str:
    """What to know before anybody can see the model, as Markdown: where it goes, its licence, its merge, its exam."""
    folder = runs.folder(run)
    size = sum(file.stat().st_size for file in (folder / "merged").rglob("*") if file.is_file())
    where = sentence("publish.ask", language, repo=repo, hub=address.HUBS["openxlab"], size=megabytes(size))
    return "\n".join([plain(where), "", *(f"- {plain(line)}" for line in publishing.told_first(run, language))])


def state_html(now: Look | None, language: str) -> str:
    """How it stands: a line over a bar, the reason why it failed, or where the model is now."""
    if not now:
        return ""
    if now.error:
        said = sentence("publish.failed", language, repo=now.repo, reason=now.error.sentence(language))
        return f'<div class="import" role="alert"><p class="bad">{escape(said)}</p></div>'
    if now.done:
        return _done(now, language)
    share, stage = float(now.told.get("share", 0.0)), now.told.get("stage", "check")
    details: dict[str, object] = {"repo": now.repo, "percent": round(100 * share)}
    if stage == "send":
        sizes = {name: megabytes(now.told[name]) for name in ("done", "size")}
        details |= {"file": now.told["file"], **sizes}
    return progress_html(escape(sentence(f"publish.{stage}", language, **details)), share)


def _done(now: Look, language: str) -> str:
    key = "publish.done" if now.done["changed"] else "publish.unchanged"
    count = len(now.done["files"])
    said = escape(sentence(key, language, repo=now.repo, files=count, commit=now.done["commit"]))
    page = escape(str(now.done["page"]))
    link = f'<a href="{page}" target="_blank" rel="noopener noreferrer">{page}</a>'
    return f'<div class="import" role="status"><p>{said}</p><p>{link}</p></div>'


def megabytes(size: int) -> str:
    """A size in MB, as short as it can be told."""
    return f"{size / 1e6:.1f}" if size < 1e7 else f"{size / 1e6:.0f}"
