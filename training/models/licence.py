"""Under which licence a base model's weights may be passed on, as far as its folder or the catalogue says it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from training.home import ROOT
from training.models.catalogue import CATALOGUE

FILES = ("LICENSE", "LICENSE.txt", "NOTICE")
_OPEN = ("apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "unlicense")
_NAME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,39}")
_FRONT = re.compile(r"\A---\n(.*?)\n---\s", re.DOTALL)
_TEXTS = {"apache license": "apache-2.0", "mit license": "mit"}
"""What a licence's text begins with, in small letters."""


@dataclass(frozen=True)
class Licence:
    """A licence by the name that model cards give it."""

    name: str
    """Empty: nobody says. "other": it has terms of its own."""
    terms: str = ""
    """Those terms in short, where they are known."""

    @property
    def is_open(self) -> bool:
        """Whether anybody may publish what was made of the model."""
        return self.name in _OPEN


def of(base: Path) -> Licence:
    """The licence of the model in that folder: its card's word first, then its licence file, then the catalogue."""
    name = _of_card(base / "README.md") or _of_file(base)
    known = next((entry.licence for entry in CATALOGUE if _plain(entry.name) == _plain(base.name)), "")
    written, _, terms = known.partition(": ")
    return Licence(name or written.lower(), terms if not name or name == "other" else "")


def texts(base: Path) -> list[Path]:
    """The files to pass on with what was made of the model; Apache's own text where only its name is known."""
    found = [base / name for name in FILES if (base / name).is_file()]
    if of(base).name == "apache-2.0" and not [file for file in found if file.stem == "LICENSE"]:
        found.append(ROOT / "LICENSE")
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _of_card(card: Path) -> str:
    front = _FRONT.match(_read(card))
    said = re.search(r"^license:\s*['\"]?([^'\"\n#]+)", front[1], re.MULTILINE) if front else None
    name = said[1].strip().lower() if said else ""
    return name if _NAME.fullmatch(name) else ""


def _of_file(base: Path) -> str:
    text = " ".join(_read(base / "LICENSE").split() or _read(base / "LICENSE.txt").split()).lower()
    return next((name for begins, name in _TEXTS.items() if text.startswith(begins)), "")


def _read(file: Path) -> str:
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            return opened.read(20_000).replace("\r\n", "\n")
    except OSError:
        return ""
