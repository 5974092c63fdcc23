"""The built-in example set: pictures drawn here, captions, questions and answers, who the assistant is; and what is
held out for the exam. The same for the same persona and seed.

Who it is comes from introductions.py, as in any other set.
"""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from training.eyes import introductions, llava, picture_sets, talk
from training.eyes.introductions import Counts
from training.eyes.llava import Talk
from training.eyes.painting import paint
from training.eyes.picture_sets import PictureSet
from training.eyes.scenes import Scene, scenes
from training.eyes.talk import Asked
from training.files import writing_failed
from training.home import home
from training.persona import Persona

FOLDER = "images"
SPOKEN = "en"
"""What the starter model speaks before it learns: the first stage leaves it as it is, so captions are in that."""
_FREE = ("colour", "shape", "count", "place")
"""Of these none can be read off the others."""


@dataclass(frozen=True)
class Example:
    """The whole set."""

    pictures: dict[str, Scene]
    """By file name, those of the exam too."""
    captions: list[Talk]
    """For the first stage: one description of every picture, in the language that the model speaks already."""
    talks: list[Talk]
    """For the second stage: questions about pictures, who it is with a picture in sight, and talk without pictures."""
    exam: dict[str, list[Asked]]
    """By held-out picture: what the exam asks."""


@dataclass(frozen=True)
class Amounts:
    """How much of everything there is."""

    pictures: int = 640
    """Pictures to learn from."""
    held_out: int = 48
    """Others that only the exam shows."""
    with_picture: int = introductions.PLAIN.with_picture
    identity: int = introductions.PLAIN.identity
    others: int = introductions.PLAIN.others
    """Conversations about who it is, for each language: see introductions.Counts."""


PLAIN = Amounts()


def build(persona: Persona, seed: int = 0, amounts: Amounts = PLAIN) -> Example:
    """The set in memory; write() puts it on the disk."""
    persona = persona.checked()
    chance = random.Random(seed)
    drawn = scenes(amounts.pictures + amounts.held_out, seed)
    named = {f"{FOLDER}/{number:04}.png": scene for number, scene in enumerate(drawn)}
    files = list(named)
    learned = {file: named[file] for file in files[: amounts.pictures]}
    captions = [Talk(talk.caption(scene, SPOKEN, chance), file) for file, scene in learned.items()]
    # the captions are English: half as much of it is enough here, and Chinese is learned from these alone
    seldom = {SPOKEN} if len(persona.languages) > 1 else set()
    talks = [
        _about(scene, file, language, chance)
        for number, (file, scene) in enumerate(learned.items())
        for language in persona.languages
        if number % 2 == 0 or language not in seldom
    ]
    counts = Counts(amounts.with_picture, amounts.identity, amounts.others)
    talks += introductions.talks(persona, list(learned), counts, seed, chance)
    chance.shuffle(talks)
    exam = {
        file: _exam(named[file], persona.languages, place, chance)
        for place, file in enumerate(files[amounts.pictures :])
    }
    return Example(named, captions, talks, exam)


def write(example: Example, folder: Path) -> None:
    """Draw the pictures and write captions.json and llava.json into `folder`. Raises OSError or UserError."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for file, scene in example.pictures.items():
        paint(scene).save(folder / file, "PNG")
    llava.write(folder / picture_sets.CAPTIONS, example.captions)
    llava.write(folder / picture_sets.TALKS, example.talks)


def save(name: str, persona: Persona, seed: int = 0, amounts: Amounts = PLAIN) -> Path:
    """Draw the set and save it as picture set `name` (replacing it); returns its folder. Raises UserError."""
    made = build(persona, seed, amounts)
    with tempfile.TemporaryDirectory(prefix=".example.", dir=home()) as folder:
        try:
            write(made, Path(folder))
        except OSError as error:
            raise writing_failed(error, Path(folder)) from error
        origin = {"example": seed}
        return picture_sets.save(
            name, PictureSet(Path(folder), made.talks, made.captions, made.exam, persona.checked(), origin)
        )


def _about(scene: Scene, file: str, language: str, chance: random.Random) -> Talk:
    """Three questions about one look: most of a step's time goes into the picture. No answer is told by one before."""
    free = [kind for kind in _FREE if kind in talk.kinds(scene)]
    wanted = chance.sample(free, min(3, len(free)))
    if "is_it" in talk.kinds(scene) and chance.random() < 1 / 3:
        wanted = ["is_it", *chance.sample(["count", "place"], 2)]  # it names colour and shape
    asked = [talk.ask(scene, kind, language, chance) for kind in wanted]
    return Talk(tuple(text for each in asked for text in (each.question, each.answer)), file)


def _exam(scene: Scene, languages: tuple[str, ...], place: int, chance: random.Random) -> list[Asked]:
    """Every kind once, the languages in turn; "is there ..." is true for one picture and a trap for the next."""
    return [
        talk.ask(scene, kind, languages[(place + number) % len(languages)], chance, trap=bool(place // 2 % 2))
        for number, kind in enumerate(talk.kinds(scene))
    ]
