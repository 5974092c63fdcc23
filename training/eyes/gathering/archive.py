"""A zip, unpacked so that it can do no harm: no name in it decides where something is written, nor how much.

Each member gets a number for a name. Links, nested zips, members under a password, names that lead out of the zip, and
whatever is more than there may be are left out, each with a sentence.
"""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from training.errors import UserError
from training.files import writing_failed
from training.importing import encoding

MOST_FILES = 20_000
MOST_BYTES = 4 << 30
"""Of all members together, unpacked."""
MOST_OF_ONE = 256 << 20
"""Bytes of one member, unpacked."""
_BLOCK = 1 << 20
_LITTER = re.compile(r"(^|/)(__MACOSX/|\.(?!\.?/)|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
"""What systems leave in folders and nobody means."""
_DRIVE = re.compile(r"[A-Za-z]:")
_UTF8 = 0x800
_ENCRYPTED = 0x1


@dataclass(frozen=True)
class Piece:
    """A file, and the path it was found at, as its owner calls it."""

    name: str
    file: Path


Member = tuple[str, zipfile.ZipInfo]
"""Its path, and what the zip says of it."""
Told = Callable[[str, UserError], None]
"""Hears of a member that is left out."""


def is_zip(file: Path) -> bool:
    """Whether it begins as a zip does (a table of Excel's does too)."""
    with file.open("rb") as opened:
        return opened.read(4) in (b"PK\x03\x04", b"PK\x05\x06")


def is_litter(name: str) -> bool:
    """Whether a path is of the kind that is passed over without a word."""
    return _LITTER.search(name) is not None


def unpack(file: Path, folder: Path, told: Told) -> list[Piece]:
    """The members of a zip as files in `folder`, in the zip's order.

    Raises UserError (zip_broken, zip_many, disk_full, not_writable).
    """
    try:
        with zipfile.ZipFile(file) as opened:
            listed = opened.infolist()
            if len(listed) > MOST_FILES:
                raise UserError("zip_many", file=file.name, most=MOST_FILES)
            named = [(name, each) for name, each in zip(_names(listed), listed, strict=True) if not each.is_dir()]
            return _written(opened, [each for each in named if not is_litter(each[0])], folder, told)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise UserError("zip_broken", file=file.name) from error


def _written(opened: zipfile.ZipFile, members: list[Member], folder: Path, told: Told) -> list[Piece]:
    left, pieces = MOST_BYTES, []
    for number, (name, member) in enumerate(members):
        place = folder / str(number)
        try:
            _check(name, member)
            left -= _write(opened, name, member, place, left)
            pieces.append(Piece(name, place))
        except UserError as error:
            place.unlink(missing_ok=True)
            if error.code in ("disk_full", "not_writable"):
                raise
            told(name, error)
            if error.code == "zip_big":
                break
    return pieces


def _check(name: str, member: zipfile.ZipInfo) -> None:
    if PurePosixPath(name).is_absolute() or _DRIVE.match(name) or ".." in name.split("/") or "\0" in name:
        raise UserError("zip_outside", file=name)
    if stat.S_ISLNK(member.external_attr >> 16):
        raise UserError("zip_link", file=name)
    if member.flag_bits & _ENCRYPTED:
        raise UserError("zip_password", file=name)
    if name.lower().endswith((".zip", ".rar", ".7z", ".tar", ".gz", ".tgz")):
        raise UserError("zip_nested", file=name)


def _write(opened: zipfile.ZipFile, name: str, member: zipfile.ZipInfo, place: Path, left: int) -> int:
    """Write one member; how many bytes it had. What its header says of them is not believed."""
    size = 0
    try:
        with opened.open(member) as source, place.open("wb") as target:
            while block := source.read(_BLOCK):
                size += len(block)
                if size > MOST_OF_ONE:
                    raise UserError("zip_member_big", file=name, most=MOST_OF_ONE >> 20)
                if size > left:
                    raise UserError("zip_big", file=name, most=MOST_BYTES >> 30)
                target.write(block)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UserError("zip_member_broken", file=name) from error
    except OSError as error:
        raise writing_failed(error, place) from error
    return size


def _names(members: list[zipfile.ZipInfo]) -> list[str]:
    """The members' paths as they were typed: without a flag, Windows writes them in the country's letters."""
    raw = [member.filename.encode("cp437", "replace") if not member.flag_bits & _UTF8 else b"" for member in members]
    # A name of a few letters may be valid in both; the others of the same zip tell.
    votes = Counter(encoding.line_encoding(each) for each in raw)
    code = "utf-8" if votes["utf-8"] > votes["gb18030"] else "gb18030"
    found = []
    for member, written in zip(members, raw, strict=True):
        name = member.filename
        if written and not written.isascii():
            name = _decoded(written, encoding.line_encoding(written) or code)
        found.append(name.replace("\\", "/"))
    return found


def _decoded(raw: bytes, code: str) -> str:
    for each in (code, "utf-8"):
        try:
            return raw.decode(each)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace")
