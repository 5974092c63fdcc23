"""What a dataset consists of, in words and bars, and what it means for the training. Pure functions."""

from __future__ import annotations

from functools import lru_cache
from html import escape

from training import dataset, distill, models, recipe, tokens
from training.identity import left_out
from training.mix import summary as stored_summary
from training.persona import Persona
from training.recipe import Recipe
from training.rows import Rows
from training.sentences import sentence
from training.tally import Summary, summarise
from training.tokens import Measured
from ui.conversation import model_label
from ui.edge import plain
from ui.plan import this_machine
from ui.preview import View

REPEATED = 100
"""A row that is there so often is what teaches a parrot."""


def meter(view: View, language: str) -> str:
    """The whole meter of what `view` shows, as HTML."""
    found = summary_of(view)
    parts = [f"<p>{escape(_rows_said(found, language))}</p>"]
    parts += [_bar(name, values) for name, values in _shares(found, language) if sum(values.values())]
    parts += [f"<p>{escape(_tokens_said(view, language))}</p>"]
    parts += [f'<p class="warn">{escape(line)}</p>' for line in _warnings(found, language)]
    if view.persona and any(left_out(view.persona)):
        parts.append(f"<p>{escape(left_out_said(view.persona, language))}</p>")
    return f'<div class="meter">{"".join(parts)}</div>'


def left_out_said(persona: Persona, language: str) -> str:
    """What a name that is a word of everyday talk costs."""
    rows, exam = left_out(persona)
    return sentence("dataset.left_out", language, rows=rows, exam=exam)


def summary_of(view: View) -> Summary:
    """The numbers of what `view` shows: from its card, where one was written, else counted."""
    rows = view.rows()
    return _stored(view.name, rows) if isinstance(rows, Rows) else summarise(rows)


@lru_cache(maxsize=8)
def _stored(name: str, _rows: Rows) -> Summary:
    return stored_summary(name)


def _rows_said(found: Summary, language: str) -> str:
    return sentence("dataset.counts_rows", language, rows=found.rows, unique=found.unique, repeated=found.repeated)


def _shares(found: Summary, language: str) -> list[tuple[str, dict[str, int]]]:
    known = {"identity": found.identity, "near_miss": found.near_miss, "general": found.general}
    kinds = {sentence(f"dataset.kind_{kind}", language): rows for kind, rows in known.items()}
    if sum(known.values()):
        kinds[sentence("meter.unknown", language)] = found.rows - sum(known.values())
    languages = {sentence(f"meter.{code}", language): rows for code, rows in found.languages.items() if code}
    return [(sentence("meter.kinds", language), kinds), (sentence("meter.languages", language), languages)]


def _bar(name: str, values: dict[str, int]) -> str:
    whole = sum(values.values())
    shares = [(label, rows, 100 * rows / whole) for label, rows in values.items() if rows]
    cells, keys = "", ""
    for number, (label, rows, share) in enumerate(shares):
        cells += f'<span style="width:{share:.2f}%" class="part-{number}"></span>'
        keys += f'<span class="key part-{number}">{escape(label)} {rows:,} ({share:.0f}%)</span>'
    title = f'<span class="share-name">{escape(name)}</span>'
    return f'<div class="share">{title}<div class="parts">{cells}</div>{keys}</div>'


def _tokens_said(view: View, language: str) -> str:
    measured = measured_of(view, models.STARTER)
    plan = recipe.suggest(this_machine(), measured)
    return sentence(
        "meter.tokens" if measured.exact else "meter.tokens_about",
        language,
        tokens=f"{measured.tokens:,}",
        longest=f"{measured.longest:,}",
        steps=plan.steps,
        passes=passes(plan, measured),
    )


def measured_of(view: View, model: str) -> Measured:
    """How long the rows are for `model`."""
    rows = view.rows()
    return tokens.measure(view.name, model) if isinstance(rows, Rows) else tokens.measure_rows(tuple(rows), model)


def passes(plan: Recipe, measured: Measured) -> str:
    """How often the plan's steps see the whole of the data."""
    sequences = plan.steps * plan.rows_a_step
    share = sequences * plan.max_length / measured.tokens if plan.pack else sequences / measured.rows
    return f"{share:.0f}" if share >= 10 else f"{share:.2g}"


def _warnings(found: Summary, language: str) -> list[str]:
    said = []
    if found.unique == 1:
        said.append(sentence("meter.one", language, times=found.rows))
    elif found.most_repeated >= REPEATED:
        said.append(sentence("meter.repeated", language, times=found.most_repeated))
    if found.identity and found.identity == found.rows:
        said.append(sentence("meter.only_identity", language))
    return said


def fits(name: str, model: str, plan: Recipe, language: str) -> str:
    """What the data means for this plan: tokens, passes, and the rows that would be cut."""
    measured = tokens.measure(name, model)
    key = "meter.fits" if measured.exact else "meter.fits_about"
    said = sentence(key, language, tokens=f"{measured.tokens:,}", steps=plan.steps, passes=passes(plan, measured))
    longer, mute = measured.longer(plan.max_length), 0 if plan.pack else measured.mute(plan.max_length)
    if longer:
        said += " " + sentence("meter.cut", language, rows=f"{longer:,}", limit=plan.max_length)
    if mute:
        said += " " + sentence("meter.mute", language, rows=f"{mute:,}")
    whose = distill.stranger(dataset.card(name), model)
    if whose:
        names = {"whose": plain(model_label(whose, language)), "model": plain(model_label(model, language))}
        said += " " + sentence("meter.stranger", language, **names)
    return said
