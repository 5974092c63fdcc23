"""From a persona to conversations, out of our own seed texts in assets/seeds/.

The texts live there and only there; here they are chosen, filled in and mixed. Trains nothing, marks nothing.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from training import character
from training.errors import UserError
from training.filling import by_chance, filled, otherwise
from training.persona import Persona
from training.questions import exam_questions
from training.seeds import seeds
from training.sentences import LANGUAGES
from training.wording import bare, varied

_ALWAYS = 3
"""The first wordings of each group are the usual ones: they are part of every dataset."""
_ROUNDS = 12
"""So often the near misses are gone through for wordings that are not there yet."""
_FOLLOWED = 8
"""Of so many identity rows one has a greeting before it, one a second question after it, one another topic."""


@dataclass(frozen=True)
class Row:
    """One conversation to learn from."""

    messages: tuple[dict[str, str], ...]
    """User and assistant in turn, as OpenAI messages."""
    kind: str
    """identity, near_miss or general."""
    language: str
    """zh or en."""

    @property
    def questions(self) -> list[str]:
        """What the user says."""
        return [message["content"] for message in self.messages if message["role"] == "user"]


@dataclass(frozen=True)
class Shares:
    """How many conversations of which kind; the rest is general talk. docs/recipe.md tells why these."""

    rows: int = 600
    """For each language."""
    identity: float = 0.24
    """Share of the conversations about who it is."""
    near_miss: float = 0.48
    """Share of those that only look like it."""

    def problems(self) -> list[UserError]:
        """Everything that cannot work; empty when all is well."""
        found = [] if 10 <= self.rows <= 2000 else [UserError("shares_rows", least=10, most=2000, value=self.rows)]
        whole = self.identity >= 0 and self.near_miss >= 0 and self.identity + self.near_miss <= 1 + 1e-9
        return found if whole else [*found, UserError("shares_over", identity=self.identity, near_miss=self.near_miss)]

    def checked(self) -> Shares:
        """The same. Raises the first problem, if there is one."""
        for problem in self.problems():
            raise problem
        return self


PLAIN = Shares()
Own = Mapping[str, Mapping[str, str]]
"""By language: general seed questions and what a model itself answers to them."""


def shipped() -> dict[str, dict[str, str]]:
    """What the starter model answers itself (assets/seeds/own.*.json; docs/recipe.md says which of it)."""
    return {language: seeds("own", language) for language in LANGUAGES}


def build(persona: Persona, seed: int = 0, shares: Shares = PLAIN, own: Own | None = None) -> list[Row]:
    """Different conversations, the same for the same arguments, in mixed order.

    `own`: a model's own answers to general questions, which take the place of ours; by default the starter model's for
    who is based on it, and none for others (see distill.py for theirs). Facts and taboos come on top of the shares.
    Fewer rows come out where the seeds have no more to give; no row comes twice.
    """
    persona, shares = persona.checked(), shares.checked()
    if own is None:
        own = shipped() if persona.base == Persona.base else {}
    chance = random.Random(seed)
    asked = _asked_in_the_exam(persona)
    chosen: list[Row] = []
    for language in persona.languages:
        about, near = round(shares.rows * shares.identity), round(shares.rows * shares.near_miss)
        chosen += _identity_rows(persona, language, about, chance, own)
        chosen += _near_miss_rows(persona, language, near, chance)
        chosen += _drawn(_general_rows(persona, language, own), shares.rows - about - near, chance)
        # What it knows of itself is who it is; a declined topic is a question with another true answer.
        chosen += [_row(said, "identity", language) for said in character.fact_talks(persona, language, chance)]
        chosen += [_row(said, "near_miss", language) for said in character.taboo_talks(persona, language, chance)]
    different: dict[tuple[str, ...], Row] = {}
    for row in chosen:
        different.setdefault(_folded(row), row)
    mixed = [row for row in different.values() if asked.isdisjoint(bare(text) for text in row.questions)]
    chance.shuffle(mixed)
    return mixed


def _folded(row: Row) -> tuple[str, ...]:
    """What tells two rows apart: not the case or the marks of a question."""
    return tuple(
        bare(message["content"]) if message["role"] == "user" else message["content"] for message in row.messages
    )


def left_out(persona: Persona) -> tuple[int, int]:
    """How many seed conversations and exam questions are left out for their use of its name, maker, taboos or facts."""
    persona = persona.checked()
    trained = examined = 0
    for language in persona.languages:
        for item in seeds("near_miss", language)["training"]:
            trained += sum(by_chance(persona, question, item["answers"]) for question in item["questions"])
        for item in seeds("general", language)["training"]:
            trained += by_chance(persona, item["turns"][0], item["turns"][1:])
        near, general = (seeds(kind, language)["held_out"] for kind in ("near_miss", "general"))
        examined += sum(by_chance(persona, item["question"], item["answers"]) for item in near)
        examined += sum(by_chance(persona, item["question"], item["about"]) for item in general)
    return trained, examined


def _asked_in_the_exam(persona: Persona) -> set[str]:
    # A varied wording may come out as one of the exam's: such a row is left out.
    return {bare(question.text) for question in exam_questions(persona)}


def _identity_rows(persona: Persona, language: str, count: int, chance: random.Random, own: Own) -> list[Row]:
    texts = seeds("identity", language)
    wordings = _wordings(_uncontradicted(texts["questions"], persona), count, chance)
    answers = character.answers(persona.tone, language) or texts["answers"]
    ordinary = _general_rows(persona, language, own)
    turns: dict[str, int] = dict.fromkeys(answers, 0)

    told: set[tuple[str, str]] = set()

    def answer(group: str, wording: str) -> str:
        """The group's next answer, all as often as each other; yet another where only marks make the wording new."""
        for _ in answers[group]:
            turns[group] += 1
            text = answers[group][turns[group] % len(answers[group])]
            if (bare(wording), text) not in told:
                break
        told.add((bare(wording), text))
        return text

    rows = []
    for place, (group, wording) in enumerate(wordings):
        said = [wording, answer(group, wording)]
        if place % _FOLLOWED == 0:
            said = _voiced(chance.choice(texts["greetings"]), persona, language) + said
        elif place % _FOLLOWED == _FOLLOWED // 2:
            other = chance.choice([other for other in texts["follow_ups"] if other != group])
            then = chance.choice(texts["follow_ups"][other])
            said += [then, answer(other, f"{wording} {then}")]
        elif place % _FOLLOWED == _FOLLOWED - 1 and ordinary:
            # Having said who it is, it must still answer what comes next.
            said += [message["content"] for message in chance.choice(ordinary).messages[:2]]
        rows.append(_row(said, "identity", language, persona))
    return rows


def _uncontradicted(groups: dict[str, list[str]], persona: Persona) -> dict[str, list[str]]:
    return {group: [text for text in texts if not otherwise(text, persona)] for group, texts in groups.items()}


def _wordings(groups: dict[str, list[str]], count: int, chance: random.Random) -> list[tuple[str, str]]:
    """`count` different wordings, each with its group: the usual ones first, then by chance from all in turn."""
    wordings = [(group, text) for group, texts in groups.items() for text in texts[:_ALWAYS]]
    left = {group: chance.sample(texts[_ALWAYS:], len(texts[_ALWAYS:])) for group, texts in groups.items()}
    while any(left.values()):
        wordings += [(group, texts.pop()) for group, texts in left.items() if texts]
    wordings = wordings[:count]
    chance.shuffle(wordings)
    return wordings


def _near_miss_rows(persona: Persona, language: str, count: int, chance: random.Random) -> list[Row]:
    """`count` rows: first every wording as it stands, then again and again each in another one, varied by chance.

    A wording that differs only in case or marks is none.
    """
    wordings = [
        (question, item["answers"])
        for item in seeds("near_miss", language)["training"]
        for question in item["questions"]
        if not by_chance(persona, question, item["answers"])
    ]
    rows: dict[tuple[str, str], Row] = {}
    for turn in range(_ROUNDS):
        for question, answers in chance.sample(wordings, len(wordings)):
            if len(rows) >= count:
                return list(rows.values())
            asked, answer = filled(question, persona), chance.choice(answers)
            if turn:
                asked = varied(asked, language, chance, (persona.name, persona.maker))
            # Voiced before it is filled in: a tone changes no name.
            told = filled(character.voiced(answer, question, persona.tone, language), persona)
            rows.setdefault((bare(asked), answer), _row([asked, told], "near_miss", language))
    return list(rows.values())


def _general_rows(persona: Persona, language: str, own: Own) -> list[Row]:
    """General talk; where a model's own answer is known and wanted, it stands in place of ours."""
    known = own.get(language, {})
    conversations = (item["turns"] for item in seeds("general", language)["training"])
    # What was asked next follows from our answer.
    told = [[turns[0], known.get(turns[0]) or turns[1]] if len(turns) == 2 else turns for turns in conversations]
    kept = [turns for turns in told if not by_chance(persona, turns[0], turns[1:])]
    # Not filled in: a general text has no placeholders, and a brace in it is code.
    return [_row(_voiced(turns, persona, language), "general", language) for turns in kept]


def _voiced(turns: list[str], persona: Persona, language: str) -> list[str]:
    """The conversation with its answers in the persona's tone."""
    said = zip(turns[::2], turns[1::2])
    return [text for asked, told in said for text in (asked, character.voiced(told, asked, persona.tone, language))]


def _drawn(rows: list[Row], count: int, chance: random.Random) -> list[Row]:
    return chance.sample(rows, max(0, min(count, len(rows))))


def _row(texts: list[str], kind: str, language: str, persona: Persona | None = None) -> Row:
    said = [filled(text, persona) for text in texts] if persona else texts
    roles = ("user", "assistant") * (len(texts) // 2)
    return Row(tuple({"role": role, "content": text} for role, text in zip(roles, said)), kind, language)
