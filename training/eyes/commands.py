"""What `python -m training pictures` does with its arguments; training/command_line.py has the parser."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hub import terminal
from training.errors import UserError
from training.eyes import album as albums
from training.eyes import binding, example, picture_sets
from training.eyes.binding import Mix
from training.eyes.gathering import sources, taking
from training.eyes.gathering.archive import Piece
from training.eyes.gathering.taken import Taken
from training.eyes.introductions import Counts
from training.importing import staging
from training.persona import Persona
from training.sentences import sentence

Answer = dict[str, Any]


def add_to(pictures: argparse.ArgumentParser) -> None:
    """The arguments of the command, besides those of who the assistant is."""
    told = "pictures, folders, zips, LLaVA JSON, tables of file and caption; without --out they are only checked"
    pictures.add_argument("files", type=terminal.filled, nargs="*", metavar="FILE", help=told)
    told = "where pictures may lie that a list names (beside the first list)"
    pictures.add_argument("--images", default="", metavar="FOLDER", help=told)
    pictures.add_argument("--out", default="", metavar="NAME", help="save what is good as this picture set")
    pictures.add_argument("--replace", action="store_true", help="in place of the picture set that has this name")
    pictures.add_argument("--repeat", type=int, default=0, help="how often each conversation stands in it (as it came)")
    pictures.add_argument("--example", action="store_true", help="instead of files: the example set, drawn here")
    pictures.add_argument("--seed", type=int, default=0, help="another seed, another example set or mix (0)")
    told = f"conversations of each kind and language about who it is ({binding.USUAL})"
    pictures.add_argument("--introductions", type=int, default=binding.USUAL, metavar="N", help=told)


def pictures(options: argparse.Namespace, persona: Persona | None) -> Answer:
    """A picture set is made, or files for one are checked; without any, the saved sets are listed. Raises UserError."""
    for field in ("repeat", "introductions"):
        if getattr(options, field) < 0:
            raise UserError("recipe_too_small", field=field, least=0, value=getattr(options, field))
    name = options.out or ("example" if options.example else "")
    if name:
        picture_sets.refuse_taken(name, options.replace)
    if options.example:
        folder = example.save(name, _known(persona), options.seed)
        return _saved(folder)
    if not options.files:
        return {"sets": {name: picture_sets.card(name).get("summary", {}) for name in picture_sets.names()}}
    with staging.folder() as place:
        taken = taking.take([Path(each) for each in options.files], place, {}, [], _looked, _beside(options))
        told = _told(taken, options)
        if not taken.talks:
            nothing = (
                UserError("pictures_nothing_good", bad=taken.bad)
                if taken.bad
                else UserError("pictures_nothing_said", pictures=len(taken.pictures))
            )
            return {**told, "ok": False, "error": nothing.code, "message": nothing.sentence(options.language)}
        return {**told, **(_kept(taken, place, options, persona) if options.out else {})}


def _beside(options: argparse.Namespace) -> Path | None:
    lists = [Path(each) for each in options.files if sources.is_list(Piece(each, Path(each)))]
    return Path(options.images) if options.images else lists[0].parent if lists else None


def _told(taken: Taken, options: argparse.Namespace) -> Answer:
    """What there is, with a sentence for everything that is left out on stderr."""
    several = len(options.files) > 1 or not sources.is_list(Piece(options.files[0], Path(options.files[0])))
    problems = []
    for each in taken.problems:
        said = {"file": each.file, "row": each.row, "message": each.sentence(options.language)}
        problems.append({**said, "code": each.code})
        key = "eyes.file_row" if several else "eyes.row"
        print(sentence(key, options.language, **said) if each.row else said["message"], file=sys.stderr)
    return {
        "files": options.files,
        "rows": taken.rows,
        "different": len(taken.talks),
        "pictures": len(taken.pictures),
        "text_only": sum(not talk.image for talk in taken.talks),
        "repairs": taken.repairs,
        "bad": taken.bad,
        "problems": problems,
    }


def _kept(taken: Taken, place: Path, options: argparse.Namespace, persona: Persona | None) -> Answer:
    album = albums.new()
    try:
        album = albums.add(album.id, taken, place)
        several = options.introductions
        mix = Mix(persona, Counts(several, several, several)) if persona else None
        silent = len(binding.silent(album))
        return {
            **_saved(binding.save(album, options.out, mix, options.repeat or album.repeat, options.seed)),
            "left_out": silent,
        }
    finally:
        albums.discard(album.id)


def _saved(folder: Path) -> Answer:
    return {
        "set": folder.name,
        "path": str(folder),
        "summary": asdict(picture_sets.summary(picture_sets.load(folder.name))),
    }


def _known(persona: Persona | None) -> Persona:
    return persona or Persona("", "").checked()  # which says what is missing


def _looked(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} / {total}", end="\r", file=sys.stderr)
