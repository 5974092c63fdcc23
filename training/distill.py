"""What a model itself answers to our general seed questions: learned in place of ours, it keeps its old behaviour.

The answers are greedy, cut at a sentence's end, and those that loop, or never end a sentence, are left out: there ours
stand in. They lie in HOME/cache/own-<hash of the weights>/answers.json. The work is done by a process of its own, which
can be ended at any time and goes on where it was:

python -m training.distill FOLDER
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from training import errand, identity, models
from training.errors import UserError
from training.exam.marking import loops
from training.files import read_json, write_json
from training.home import home
from training.language import language_of
from training.persona import Persona
from training.process import CALM
from training.seeds import seeds
from training.sentences import LANGUAGES
from training.wording import bare

STARTER_WEIGHTS = "a0efc45b71d05923"
"""The weights that assets/seeds/own.*.json was answered by."""
SUGGESTED, OURS = "", "ours"
"""Instead of a model: the starter's own for who is based on it (docs/recipe.md says why), or only ours."""
TOKENS = 64
"""Longest answer, before it is cut."""
_BATCH = 21
"""Questions between two saves."""
_SHORTEST = 2
_BREAK = ("\ufffd", "```")
"""Before half a letter, and before code, which would lose its lines."""
_ENDS = re.compile("[。！？]|[.!?](?=[\\s\"”']|$)")

Answers = dict[str, dict[str, str]]
"""By language: question and answer; an empty answer is one that was not good enough."""


@dataclass(frozen=True)
class Look:
    """How far a model is with its own answers."""

    done: int
    of: int
    live: bool = False
    error: UserError | None = None

    @property
    def complete(self) -> bool:
        return self.done >= self.of


def chosen(whose: str) -> identity.Own | None:
    """The `own` of identity.build() for SUGGESTED, OURS or a model's name. Raises UserError (model_*)."""
    return None if whose == SUGGESTED else {} if whose == OURS else own(whose)


def own(model: str) -> identity.Own:
    """What `model` answers itself, for identity.build(own=...): those that are known, the starter's without any work.

    Raises UserError (model_missing, model_incomplete).
    """
    if model == models.STARTER and not models.starter.ready():
        return identity.shipped()
    folder = models.folder(model)
    known, shipped = _known(_place(folder)), identity.shipped() if _is_starter(folder) else {}
    return {language: {**known.get(language, {}), **shipped.get(language, {})} for language in LANGUAGES}


def stranger(card: Mapping[str, Any], model: str) -> str:
    """The model whose own answers the dataset of this card.json teaches, where that is another one than `model`.

    "" where they are ours or its own, or where the card does not say.
    """
    persona, origin = card.get("persona"), card.get("origin") or {"general": SUGGESTED}
    whose = origin.get("general", OURS)
    if whose == SUGGESTED:
        whose = models.STARTER if persona and persona.get("base") == Persona.base else OURS
    return "" if whose in (OURS, model) or _alike(whose, model) else whose


def _alike(one: str, other: str) -> bool:
    """Whether two names mean the same weights; not read where their sizes tell."""
    try:
        folders = models.folder(one), models.folder(other)
    except UserError:  # one of them is not here
        return False
    sizes = [sum(file.stat().st_size for file in folder.glob("*.safetensors")) for folder in folders]
    return sizes[0] == sizes[1] and _weights(folders[0]) == _weights(folders[1])


def mark(model: str) -> int:
    """Changes whenever own(model) may."""
    if model == models.STARTER and not models.starter.ready():
        return 0
    file = _place(models.folder(model)) / "answers.json"
    return file.stat().st_mtime_ns if file.is_file() else 0


def look(model: str, languages: Sequence[str] = LANGUAGES) -> Look:
    """How far `model` is with the questions of these languages. Raises UserError (model_missing, model_incomplete)."""
    questions = [(language, text) for language in languages for text in asked(language)]
    if model == models.STARTER and not models.starter.ready():
        return Look(sum(text in identity.shipped()[language] for language, text in questions), len(questions))
    folder = _place(models.folder(model))
    alive, known = errand.is_alive(folder), own(model)
    done = sum(text in known.get(language, {}) for language, text in questions)
    error = None if alive else errand.error(folder)
    return Look(done, len(questions), alive, error)


def asked(language: str) -> list[str]:
    """The questions: how each general seed conversation begins."""
    return list(dict.fromkeys(item["turns"][0] for item in seeds("general", language)["training"]))


def start(model: str, languages: Sequence[str] = LANGUAGES) -> None:
    """Begin, or go on. Raises UserError (model_missing, model_incomplete)."""
    weights = models.folder(model)
    folder = _place(weights)
    if errand.is_alive(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {"model": str(weights), "languages": list(languages), "shipped": _is_starter(weights)}
    errand.start("training.distill", folder, wanted, CALM)


def stop(model: str) -> None:
    """End it at once; what has been answered is kept."""
    errand.end(_place(models.folder(model)))


def forget(model: str) -> None:
    """Remove what `model` has answered, to ask it anew."""
    stop(model)
    shutil.rmtree(_place(models.folder(model)), ignore_errors=True)


def _place(folder: Path) -> Path:
    return home() / "cache" / f"own-{_weights(folder)}"


def _is_starter(folder: Path) -> bool:
    return folder == models.starter.target() or _weights(folder) == STARTER_WEIGHTS


def _weights(folder: Path) -> str:
    return _hash(folder, tuple(sorted((file.name, file.stat().st_mtime_ns) for file in folder.glob("*.safetensors"))))


@lru_cache(maxsize=8)
def _hash(folder: Path, _changed: tuple[tuple[str, int], ...]) -> str:
    return models.weights_hash(folder)


def _known(folder: Path) -> Answers:
    try:
        known: Answers = read_json(folder / "answers.json")
        return known
    except (OSError, ValueError):
        return {}


def cut(answer: str, question: str, language: str) -> str:
    """The answer up to its last whole sentence before it begins to repeat itself.

    "" when nothing is left, when it only says the question again, or when it is in another language.
    """
    kept = ""
    for sentence in _sentences(answer):
        if sentence.strip() in kept or loops(kept + sentence) or any(sign in sentence for sign in _BREAK):
            break
        kept += sentence
    kept = " ".join(kept.split())
    said = bare(kept)
    foreign = language_of([{"role": "assistant", "content": kept}]) not in (language, "other")
    return "" if len(said) < _SHORTEST or foreign or said.startswith(bare(question)) else kept


def _sentences(text: str) -> Iterator[str]:
    begin = 0
    for end in _ENDS.finditer(text):
        yield text[begin : end.end()]
        begin = end.end()


def main(folder: Path) -> int:
    """Answer what request.json wants and nobody has answered yet. Returns the exit code."""

    def work(request: dict[str, Any], tell: errand.Tell) -> None:
        known, ours = _known(folder), identity.shipped() if request["shipped"] else {}
        wanted = [(language, text) for language in request["languages"] for text in asked(language)]
        left = [pair for pair in wanted if not any(pair[1] in each.get(pair[0], {}) for each in (known, ours))]
        tell({"done": len(wanted) - len(left), "of": len(wanted)})
        for at, answered in _answered(Path(request["model"]), left):
            for language, question, answer in answered:
                known.setdefault(language, {})[question] = cut(answer, question, language)
            write_json(folder / "answers.json", known)
            tell({"done": len(wanted) - len(left) + at, "of": len(wanted)})

    return errand.perform(folder, work, UserError("distill_memory"), "distill_died")


def _answered(model: Path, pairs: list[tuple[str, str]]) -> Iterator[tuple[int, list[tuple[str, str, str]]]]:
    """Some answers at a time, with how many there are by then."""
    if not pairs:
        return
    from training.exam import greedy  # it imports torch

    loaded, tokenizer = greedy.load(model)
    for begin in range(0, len(pairs), _BATCH):
        some = pairs[begin : begin + _BATCH]
        found = greedy.answer(loaded, tokenizer, [question for _, question in some], TOKENS)
        texts = [greedy.text(tokenizer, tokens) for tokens in found]
        yield begin + len(some), [(*pair, text) for pair, text in zip(some, texts)]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
