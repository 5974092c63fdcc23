"""An album becomes a picture set, with who the assistant is mixed in; and a picture set an album again.

Captions are the conversations that only describe: they are also what the first stage learns from.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.errors import UserError
from training.eyes import album as albums
from training.eyes import introductions, picture_sets, talk
from training.eyes.album import Album
from training.eyes.gathering import keeping
from training.eyes.gathering.taken import Kept
from training.eyes.introductions import Counts
from training.eyes.llava import Talk
from training.eyes.picture_sets import PictureSet
from training.files import writing_failed
from training.persona import Persona
from training.seeds import seeds
from training.sentences import LANGUAGES

MOST_REPEATS = 1000
USUAL = introductions.PLAIN.with_picture
"""Of each kind of conversation about who it is, where nothing else is wanted."""
_OWN = "own"
"""In a set's origin: how many of its conversations came out of the album itself, before they were repeated."""


@dataclass(frozen=True)
class Mix:
    """Who the assistant is, and how much of that is mixed in."""

    persona: Persona
    counts: Counts = introductions.PLAIN


def bound(album: Album, mix: Mix | None = None, repeat: int = 1, seed: int = 0) -> PictureSet:
    """What the album is as a set. Pictures without a conversation are left out.

    Raises UserError (album_empty, picture_set_empty, repeat_bad, persona problems).
    """
    if not 1 <= repeat <= MOST_REPEATS:
        raise UserError("repeat_bad", most=MOST_REPEATS)
    if not album.pictures and not album.talks:
        raise UserError("album_empty")
    own = _own(album)
    if not own:
        raise UserError("picture_set_empty")
    seen = [each for each in own if each.image]
    origin: dict[str, Any] = {_OWN: len(own), "repeat": repeat}
    talks, persona = own * repeat, Persona.from_dict(album.persona) if album.persona else None
    if persona:
        del origin[_OWN]
    if mix:
        persona = mix.persona.checked()
        chosen = list(dict.fromkeys(each.image for each in seen))
        talks += introductions.talks(persona, chosen, mix.counts, seed, random.Random(seed))
        origin["introductions"] = asdict(mix.counts)
    exam = talk.asked(album.exam)
    return PictureSet(album.folder, talks, [each for each in seen if is_caption(each)], exam, persona, origin)


def _own(album: Album) -> list[Talk]:
    """The conversations in the order of the pictures; those in text only at the end."""
    said = album.said()
    about = [Talk(turns, picture) for picture in album.pictures for turns in said.get(picture, [])]
    return [*about, *(each for each in album.talks if not each.image)]


def silent(album: Album) -> list[str]:
    """The pictures about which nothing is said."""
    said = album.said()
    return [picture for picture in album.pictures if picture not in said]


def is_caption(said: Talk) -> bool:
    """Whether a conversation is nothing but the wish to hear what is in the picture, and that."""
    return len(said.turns) == 2 and _bare(said.turns[0]) in _WISHES


def _bare(question: str) -> str:
    return question.strip().casefold().rstrip(".。?？!！").strip()


_WISHES = frozenset(
    _bare(question) for language in LANGUAGES for question in seeds("eyes", language)["caption"]["questions"]
) | {"describe this image", "describe the image", "请描述这张图片", "请描述一下这张图片", "描述这张图片"}


def save(album: Album, name: str, mix: Mix | None = None, repeat: int = 1, seed: int = 0) -> Path:
    """Save the album as picture set `name` (replacing it); returns its folder. Raises UserError."""
    folder = picture_sets.save(name, bound(album, mix, repeat, seed))
    with albums.changed(album.id) as now:
        now.name, now.repeat = folder.name, repeat
    return folder


def opened(name: str) -> Album:
    """A new album with what set `name` has; who it is, that was mixed in, is left out: it is mixed in anew.

    Raises UserError (picture_set_missing, picture_set_broken, picture_missing, disk_full, not_writable).
    """
    made = picture_sets.load(name)
    own = made.origin.get(_OWN)
    talks = made.talks[:own] if isinstance(own, int) else made.talks
    album = albums.new()
    try:
        for picture in made.pictures:
            picture_sets.link(made.folder / picture, album.folder / picture)
    except OSError as error:
        albums.discard(album.id)
        raise writing_failed(error, album.folder) from error
    except UserError:
        albums.discard(album.id)
        raise
    learned = _learned(made)
    with albums.changed(album.id) as now:
        now.pictures = {path: Kept(path, keeping.fingerprint(album.folder / path)) for path in learned}
        now.talks = list(dict.fromkeys(talks))
        now.repeat = int(made.origin.get("repeat", 1)) if isinstance(own, int) else 1
        now.name = name
        now.persona = asdict(made.persona) if made.persona and not isinstance(own, int) else None
        now.exam = talk.told(made.exam)
        return now


def _learned(made: PictureSet) -> Sequence[str]:
    return [picture for picture in made.pictures if picture not in made.exam]
