"""Questions about a scene and their true answers, in Chinese and English, out of assets/seeds/eyes.*.json."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training.eyes.scenes import COLOURS, COUNTS, PLACES, SHAPES, Scene
from training.seeds import seeds

KINDS = ("colour", "shape", "count", "place", "is_it")
"""What can be asked of a picture; a place only where there is one shape."""


@dataclass(frozen=True)
class Asked:
    """A question about a picture."""

    kind: str
    language: str
    question: str
    answer: str
    right: tuple[str, ...]
    """A good answer has one of these words, ..."""
    wrong: tuple[str, ...]
    """... and none of these: the other colours, shapes, numbers, places."""


def caption(scene: Scene, language: str, chance: random.Random) -> tuple[str, str]:
    """A wish to describe the picture, and the description."""
    words = seeds("eyes", language)
    text = words["caption"]["one" if scene.place else "many"]
    return chance.choice(words["caption"]["questions"]), _filled(text, scene, words)


def kinds(scene: Scene) -> tuple[str, ...]:
    """What can be asked of this picture. "Is there a red star" has no good answer where there are three."""
    return KINDS if scene.place else ("colour", "shape", "count")


def ask(scene: Scene, kind: str, language: str, chance: random.Random, trap: bool | None = None) -> Asked:
    """A question of that kind. `trap`: whether "is there ..." asks for what is not there; None: by chance."""
    words = seeds("eyes", language)
    text = words[kind]
    question = chance.choice(text["questions"])
    if kind == "is_it":
        return _is_it(scene, language, question, text, chance.random() < 0.5 if trap is None else trap, chance)
    answer = text["answer"] if "answer" in text else text["one" if scene.count == 1 else "many"]
    names = _names(kind, words)
    value = {"colour": scene.colour, "shape": scene.shape, "count": str(scene.count), "place": scene.place}[kind]
    others = tuple(name for other, each in names.items() if other != value for name in each)
    return Asked(kind, language, question, _filled(answer, scene, words), names[value], others)


def _is_it(
    scene: Scene, language: str, question: str, text: dict[str, Any], trap: bool, chance: random.Random
) -> Asked:
    words = seeds("eyes", language)
    asked = scene
    if trap:  # one of the two is wrong: who looks only at the other falls in
        colour = chance.choice([each for each in COLOURS if each != scene.colour])
        shape = chance.choice([each for each in SHAPES if each != scene.shape])
        wrong_colour = chance.random() < 0.5
        new = (colour, scene.shape) if wrong_colour else (scene.colour, shape)
        asked = Scene(*new, scene.place, scene.figures, scene.background)
    yes, no = (text[key].partition("，" if language == "zh" else ",")[0] for key in ("yes", "no"))
    right, wrong = (no, yes) if trap else (yes, no)
    answer = _filled(text["no" if trap else "yes"], scene, words)
    return Asked("is_it", language, _filled(question, asked, words), answer, (right,), (wrong,))


def _names(kind: str, words: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    if kind == "shape":
        return {shape: tuple(dict.fromkeys(words["shapes"][shape])) for shape in SHAPES}
    if kind == "count":
        return {str(count): (words["counts"][str(count)], str(count)) for count in COUNTS}
    table, keys = ("colours", COLOURS) if kind == "colour" else ("places", PLACES)
    return {key: (words[table][key],) for key in keys}


def _filled(text: str, scene: Scene, words: dict[str, Any]) -> str:
    one, several = words["shapes"][scene.shape]
    count = words["counts"][str(scene.count)]
    return text.format(
        colour=words["colours"][scene.colour],
        shape=one,
        shapes=several,
        count=count,
        Count=count.capitalize(),
        place=words["places"].get(scene.place, ""),
    )


def told(exam: Mapping[str, Sequence[Asked]]) -> dict[str, Any]:
    """What is asked of each picture, as JSON."""
    return {file: [asdict(each) for each in several] for file, several in exam.items()}


def asked(exam: Mapping[str, Any]) -> dict[str, list[Asked]]:
    """What is asked of each picture, out of its JSON."""
    return {file: [_asked(each) for each in several] for file, several in exam.items()}


def _asked(each: Mapping[str, Any]) -> Asked:
    known: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in each.items()}
    return Asked(**known)
