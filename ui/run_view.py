"""A run as the page shows it: status and sample answers as HTML. Pure functions. (The curve: curve.py.)

Everything that comes from a file or a person is escaped here.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from training import recipe as recipes
from training.runs import RunStatus
from training.runs.progress import Sample
from training.runs.usage import Usage
from training.sentences import sentence

STAGES = ("preparing", "pretraining", "training", "examining", "converting", "merging")
"""The way of a run, in order."""


def status_html(status: RunStatus, recipe: dict[str, Any], usage: Usage | None, language: str) -> str:
    """Phase, progress bar, the way so far and to come, what it takes; why it failed or stopped."""
    tone = "live" if status.live else status.phase
    key = "run.phase_second" if _second(status, status.phase) else f"run.phase_{status.phase}"
    phase = escape(sentence(key, language))
    facts = "".join(f"<span>{escape(fact)}</span>" for fact in _facts(status, recipe, usage, language))
    share, label = progress_share(status), escape(sentence("run.progress", language))
    said = status.reason_sentence(language) or status.note_sentence(language)
    role = "alert" if status.phase == "failed" else "status"
    reason = f'<p class="reason" role="{role}">{escape(said)}</p>' if said else ""
    return (
        f'<div class="run {tone}"><div class="run-line"><strong class="phase">{phase}</strong>'
        f'<span class="facts">{facts}</span></div><div class="bar" role="progressbar" aria-label="{label}" '
        f'aria-valuemin="0" aria-valuemax="100" aria-valuenow="{100 * share:.0f}">'
        f'<div style="width:{share:.1%}"></div></div>{stages_html(status, language)}{reason}</div>'
    )


def stages_html(status: RunStatus, language: str) -> str:
    """The stages of the run in a row: what each took, which one it is in, what is still to come."""
    told = []
    for stage in STAGES:
        if stage == "pretraining" and not status.first_total:
            continue  # it has one training only
        state = _state(status, stage)
        if state == "later" and not status.live:
            continue
        took = duration(status.seconds[stage], language) if state == "past" else ""
        name = escape(sentence("run.stage_second" if _second(status, stage) else f"run.stage_{stage}", language))
        current = ' aria-current="step"' if state == "now" else ""
        told.append(f'<li class="{state}"{current}>{name}<small>{escape(took)}</small></li>')
    return f'<ol class="stages">{"".join(told)}</ol>'


def _state(status: RunStatus, stage: str) -> str:
    """past, now or later; what a resumed run will do again counts as later."""
    before_all, after_all = -1, len(STAGES)
    others = {"queued": before_all, "stopping": STAGES.index("training")}
    here = STAGES.index(status.phase) if status.phase in STAGES else others.get(status.phase, after_all)
    if stage == status.phase:
        return "now"
    return "past" if stage in status.seconds and STAGES.index(stage) <= here else "later"


def _second(status: RunStatus, stage: str) -> bool:
    """Whether that is the second of two trainings."""
    return stage == "training" and status.first_total > 0


def progress_share(status: RunStatus) -> float:
    """How far the run is, from 0 to 1: training fills most of the bar, what comes before and after the rest."""
    if status.phase == "done":
        return 1.0
    trained = _trained(status)
    if status.phase == "examining":
        return 0.75 + 0.2 * (status.note or {}).get("share", 0.0)
    after = {"converting": 0.95, "merging": 0.97}
    return after.get(status.phase, 0.02 + 0.73 * trained if trained else 0.0)


def _trained(status: RunStatus) -> float:
    """The share of the training that is done; each of two stages is half of it."""
    share = min(1.0, status.step / status.total) if status.total else 0.0
    if not status.first_total:
        return share
    first = status.phase == "pretraining" or "training" not in (status.phase, *status.seconds)
    return (share if first else 1 + share) / 2


def _facts(status: RunStatus, recipe: dict[str, Any], usage: Usage | None, language: str) -> list[str]:
    facts = []
    if status.total:
        facts.append(sentence("run.steps", language, step=status.step, total=status.total))
    if status.started and status.phase != "queued":
        worked = duration(status.elapsed_seconds, language)
        facts.append(sentence("run.elapsed" if status.live else "run.took", language, time=worked))
    if status.live and status.eta_seconds is not None:
        facts.append(sentence("run.eta", language, time=duration(status.eta_seconds, language)))
    if status.phase == "training" and status.step_seconds:  # that of the second stage, where there are two
        facts.append(speed(recipe, status.step_seconds, language))
    if status.live and usage:
        facts.append(sentence("run.memory", language, used=gib(usage.memory), total=gib(usage.total)))
        if usage.gpu_memory is not None:
            facts.append(sentence("run.gpu_memory", language, used=gib(usage.gpu_memory)))
    return facts


def speed(recipe: dict[str, Any], step_seconds: float, language: str) -> str:
    """How fast it learns: tokens a second when every sequence is filled up, else conversations."""
    sequences = recipes.from_dict(recipe).rows_a_step / step_seconds
    if not recipe["pack"]:
        return sentence("run.conversations_a_second", language, speed=f"{sequences:.2g}")
    return sentence("run.tokens_a_second", language, speed=f"{sequences * recipe['max_length']:,.0f}")


def gib(size: float) -> str:
    """Bytes as GB with one digit, as a system monitor tells them."""
    return f"{size / 2**30:.1f}"


def duration(seconds: float, language: str) -> str:
    """A time span in words, as exact as a waiting person needs it."""
    seconds = max(0, round(seconds))
    if seconds < 60:
        return sentence("run.seconds", language, seconds=seconds)
    if seconds < 3600:
        return sentence("run.minutes", language, minutes=seconds // 60, seconds=seconds % 60)
    return sentence("run.hours", language, hours=seconds // 3600, minutes=seconds % 3600 // 60)


def samples_html(samples: Sequence[Sample], language: str) -> str:
    """The sample answers as a table, newest step first."""
    if not samples:
        return f'<p class="empty">{escape(sentence("run.no_samples", language))}</p>'
    head = "".join(f"<th>{escape(sentence(key, language))}</th>" for key in ("run.step", "run.question", "run.answer"))
    rows = "".join(
        "<tr>"
        f"<td>{_step(sample.step, language)}</td><td>{escape(sample.question)}</td><td>{escape(sample.answer)}</td>"
        "</tr>"
        for sample in sorted(samples, key=lambda sample: -sample.step)
    )
    return f'<div class="samples"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _step(step: int, language: str) -> str:
    return str(step) if step else escape(sentence("run.before", language))
