"""What there was among the things somebody dropped, and how it is left for the page: taken.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from training.eyes.gathering.problem import Problem
from training.eyes.llava import Talk
from training.files import read_json, write_json

FILE = "taken.json"


@dataclass(frozen=True)
class Kept:
    """A picture of an album."""

    name: str
    """What its owner calls it: the path it was found at."""
    mark: str
    """By which the same picture is known again."""


@dataclass(frozen=True)
class Waiting:
    """A good row whose picture is not there yet."""

    file: str
    row: int
    talk: Talk


@dataclass
class Taken:
    """What there was."""

    pictures: dict[str, Kept] = field(default_factory=dict)
    """New ones, by their path in the folder."""
    known: int = 0
    """Pictures that were there already, or came twice."""
    talks: list[Talk] = field(default_factory=list)
    """Each once, about new pictures, about those that were there already, or about none."""
    rows: int = 0
    """Good ones, as often as they came."""
    times: int = 1
    """How often the most frequent row came."""
    waiting: list[Waiting] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    bad: int = 0
    """Problems, those too that are only counted."""
    repairs: dict[str, int] = field(default_factory=dict)
    """What was done to how many pictures: keeping.REPAIRS."""

    def write(self, folder: Path) -> None:
        """Leave it in `folder`."""
        write_json(folder / FILE, asdict(self))

    @staticmethod
    def read(folder: Path) -> Taken:
        """What was left in `folder`."""
        told: dict[str, Any] = read_json(folder / FILE)
        pictures = {path: Kept(**each) for path, each in told["pictures"].items()}
        waiting = [Waiting(each["file"], each["row"], talk_of(each["talk"])) for each in told["waiting"]]
        problems = [Problem(**each) for each in told["problems"]]
        talks = [talk_of(each) for each in told["talks"]]
        return Taken(**{**told, "pictures": pictures, "waiting": waiting, "problems": problems, "talks": talks})


def talk_of(told: Mapping[str, Any]) -> Talk:
    """A talk out of its JSON."""
    return Talk(tuple(told["turns"]), told["image"])
