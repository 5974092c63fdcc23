"""What a dataset consists of, in words and bars. Pure functions."""

from __future__ import annotations

from functools import lru_cache

from training import dataset
from training.rows import Rows
from training.sentences import sentence
from training.tally import Summary, summarise
from ui.preview import View


def summary_of(view: View) -> Summary:
    """The numbers of what `view` shows: from its card, where one was written, else counted."""
    rows = view.rows()
    if not isinstance(rows, Rows):
        return summarise(rows)
    try:
        return Summary(**dataset.card(view.name)["summary"])
    except (KeyError, TypeError):  # not written by this version of this product
        return _counted(rows)


@lru_cache(maxsize=4)
def _counted(rows: Rows) -> Summary:
    return summarise(rows)


def counts(view: View, language: str) -> str:
    """What the dataset consists of, in words."""
    summary = summary_of(view)
    said = [
        sentence("dataset.counts_rows", language, rows=summary.rows, unique=summary.unique, repeated=summary.repeated)
    ]
    if summary.identity + summary.near_miss + summary.general:
        said.append(_kinds_said(summary, language))
    if any(summary.languages):
        said.append(_languages_said(summary, language))
    return "<br>".join(said)


def _kinds_said(summary: Summary, language: str) -> str:
    return sentence(
        "dataset.counts_kinds",
        language,
        identity=summary.identity,
        near_miss=summary.near_miss,
        general=summary.general,
    )


def _languages_said(summary: Summary, language: str) -> str:
    each = [sentence(f"dataset.counts_{code}", language, rows=rows) for code, rows in summary.languages.items() if code]
    return sentence("dataset.counts_languages", language, each=sentence("app.comma", language).join(each))
