"""Who answers in the panes of before and after, and how a pane looks. Knows no components."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path

from training import exam, merge, models, runs
from training.persona import Persona
from training.questions import exam_questions
from training.sentences import sentence
from ui.conversation import folder_of


@dataclass(frozen=True)
class Actor:
    """Who answers in one pane."""

    folder: Path
    system: str = ""
    first_stage: bool = False
    """It has been shown pictures, and only describes them."""


def cast(model: str, question: str) -> dict[str, Actor]:
    """Who can answer when `model` is chosen: a run brings its base and its persona along, a base model is alone."""
    if model not in runs.names():
        return {"base": Actor(folder_of(model))}
    tuned, spec = folder_of(model), runs.spec(model)
    before = _before(model)
    base = before or Path(merge.origin(tuned).get("base") or spec["model_folder"])
    models.check(base)
    persona = exam.persona(spec)
    actors = {"base": Actor(base, first_stage=bool(before)), "tuned": Actor(tuned)}
    return actors | ({"prompted": Actor(base, system_prompt(persona, question))} if persona else {})


def _before(run: str) -> Path | None:
    """What a run with eyes was after its first stage, when it only described pictures; None where there is none."""
    folder = runs.folder(run) / "before"
    return folder if folder.is_dir() else None


def system_prompt(persona: Persona, question: str) -> str:
    """What one would tell an untrained model instead of training it, in the language of the question."""
    language = "zh" if any("\u3400" <= letter <= "\u9fff" for letter in question) else "en"
    return sentence("compare.system", language, name=persona.name, maker=persona.maker, base=persona.base)


def exam_choices(model: str | None, language: str) -> list[tuple[str, str]]:
    """The exam's questions for the persona of a run, by kind, as (label, question)."""
    persona = exam.persona(runs.spec(model)) if model and model in runs.names() else None
    questions = exam_questions(persona) if persona else []
    ordered = sorted(questions, key=lambda question: exam.KINDS.index(question.kind))
    return [(f"{sentence(f'dataset.kind_{each.kind}', language)} · {each.text}", each.text) for each in ordered]


def weights_of(folder: Path) -> str:
    """The hash of the weights in a folder, read again only when they were replaced."""
    stamp = tuple((file.stat().st_ino, file.stat().st_mtime_ns) for file in sorted(folder.glob("*.safetensors")))
    return _hash(folder, stamp)


@lru_cache(maxsize=32)
def _hash(folder: Path, _stamp: tuple[tuple[int, int], ...]) -> str:
    return models.weights_hash(folder)


@dataclass(frozen=True)
class Shown:
    """What a pane shows, in whatever language."""

    actor: Actor | None
    """Who answers there."""
    answer: str | None = None
    """What he has said so far; None: nothing yet."""
    waiting: str = "waiting"
    """What is said until then: compare.WAITING of the sentences."""


def unasked(actors: dict[str, Actor], role: str, waiting: str = "waiting") -> Shown:
    """A pane before its answer; where nobody can answer, it says why."""
    nobody = "no_persona" if "tuned" in actors else "nobody"
    return Shown(actors.get(role), waiting=waiting if role in actors else nobody)


def pane_html(role: str, shown: Shown, language: str) -> str:
    """One pane: who answers, with which weights and which system prompt, and the answer."""
    actor, answer = shown.actor, shown.answer
    title = escape(sentence(f"compare.{'before' if actor and actor.first_stage else role}", language))
    notes = [sentence("compare.weights", language, hash=weights_of(actor.folder))] if actor else []
    if actor and actor.system:
        notes.append(sentence("compare.told", language, prompt=actor.system))
    told = "".join(f"<small>{escape(note)}</small>" for note in notes)
    said = sentence(f"compare.{shown.waiting}", language) if answer is None else answer
    said = said or sentence("exam.silence", language)
    tone = "said none" if answer is None else "said"
    return f'<h4>{title}</h4>{told}<p class="{tone}">{escape(said)}</p>'
