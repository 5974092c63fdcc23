"""From bytes to text: UTF-8 with or without a mark, UTF-16, GB18030, and single lines that are otherwise than the rest.

Nothing is guessed: what is none of these for certain is a problem, and is said.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from training.errors import UserError
from training.files import readable
from training.importing.problems import RowProblem

BLOCK = 4 << 20
LONGEST_LINE = 16 << 20
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_SAMPLE = 5000
"""Lines on which it is decided which encoding a file has."""
_CHINESE = re.compile("[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef\u2014\u2018-\u201d\u2026\u00b7\u3001-\u3011]")
_ODD = re.compile("[^\x00-\x7f]")

Progress = Callable[[int], None]
"""Is told how many bytes have been read."""


def recognised(path: Path) -> str:
    """The file's encoding: utf-8, utf-8-sig, utf-16-le, utf-16-be or gb18030. Raises UserError(import_encoding)."""
    with path.open("rb") as file:
        head = file.read(4)
        marked = next((name for mark, name in _MARKS if head.startswith(mark)), "")
        file.seek(0)
        wrong = 0 if marked else _first_wrong(file)
        if marked or wrong is None:
            return marked or "utf-8"
        votes = _votes(file, 0) + _votes(file, max(0, wrong - 200))
    if not votes["utf-8"] and not votes["gb18030"]:
        raise UserError("import_encoding", file=readable(path.name))
    return "utf-8" if votes["utf-8"] >= votes["gb18030"] else "gb18030"


def _first_wrong(file: BinaryIO) -> int | None:
    """Where the file stops being UTF-8; None when all of it is."""
    decoder, place = codecs.getincrementaldecoder("utf-8")(), 0
    while block := file.read(BLOCK):
        try:
            decoder.decode(block)
        except UnicodeDecodeError as error:
            return place + error.start
        place += len(block)
    return place if decoder.getstate()[0] else None


def _votes(file: BinaryIO, place: int) -> Counter[str]:
    file.seek(place)
    if place:
        file.readline(LONGEST_LINE)
    lines = (file.readline(LONGEST_LINE) for _ in range(_SAMPLE))
    return Counter(line_encoding(line, whole=len(line) < LONGEST_LINE) for line in lines)


def line_encoding(raw: bytes, whole: bool = True) -> str:
    """utf-8 or gb18030 when the line can be nothing else, "ascii" when it is plain, "" when it is unclear.

    What is not a whole line may end in the middle of a character.
    """
    try:
        text = codecs.utf_8_decode(raw, "strict", whole)[0]
        # Two Chinese characters of GB18030 can be a valid UTF-8 line by chance (谢谢 is лл), three-byte ones hardly.
        return "ascii" if text.isascii() else "utf-8" if _CHINESE.search(text) else ""
    except UnicodeDecodeError:
        return "gb18030" if _plausible(_decoded(raw, "gb18030", whole)) else ""


def _decoded(raw: bytes, encoding: str, whole: bool = True) -> str:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(raw, whole)
    except UnicodeDecodeError:
        return ""


def _plausible(text: str) -> bool:
    """Whether what is not ASCII in `text` are Chinese characters in common use, with their punctuation."""
    odd = _ODD.findall(text)
    return bool(odd) and sum(map(_common, odd)) >= 0.7 * len(odd)


def _common(character: str) -> bool:
    if not _CHINESE.match(character):
        return False
    try:
        return character.encode("gb2312")[0] < 0xD8  # its first level: the 3755 most frequent ones
    except UnicodeEncodeError:
        return False


class Lines:
    """The lines of a text file with their numbers; a line that cannot be read comes as a RowProblem."""

    def __init__(self, path: Path, encoding: str, progress: Progress) -> None:
        self._path, self._encoding, self._progress = path, encoding, progress
        self.repaired: Counter[str] = Counter()

    def __iter__(self) -> Iterator[tuple[int, str | RowProblem]]:
        end = self._end()
        if self._encoding.startswith("utf-16"):
            yield from enumerate(self._wide(end), 1)
            return
        place = 0
        with self._path.open(encoding="latin-1", newline=end) as file:  # a character for every byte
            number = 0
            while line := file.readline(LONGEST_LINE):
                raw = line.encode("latin-1")
                number += 1
                place += len(raw)
                if number % 1000 == 0 or len(raw) > BLOCK:
                    self._progress(place)
                if len(raw) == LONGEST_LINE and not line.endswith(end):
                    while (more := file.readline(LONGEST_LINE)) and not more.endswith(end):
                        place += len(more)
                    yield number, RowProblem("line_too_long", megabytes=LONGEST_LINE >> 20)
                    continue
                yield number, self._line(raw, number == 1)

    def _end(self) -> str:
        """What ends a line: a return alone where nothing else does, as Excel on a Mac can write it."""
        head = next(blocks(self._path, self._encoding, lambda place: None))
        return "\r" if "\r" in head and "\n" not in head else "\n"

    def _wide(self, end: str) -> Iterator[str | RowProblem]:
        with self._path.open(encoding=self._encoding, errors="replace", newline=end) as file:
            for number, line in enumerate(file):
                yield line.lstrip("\ufeff") if number == 0 else line

    def _line(self, raw: bytes, first: bool) -> str | RowProblem:
        if first:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        if self._encoding != "gb18030":
            try:
                return raw.decode("utf-8")
            except UnicodeDecodeError:
                pass
        found = line_encoding(raw)
        if found != "utf-8":
            text = _decoded(raw, "gb18030")
            if text and (self._encoding == "gb18030" or found == "gb18030"):
                if self._encoding != "gb18030":
                    self.repaired["line_gb18030"] += 1
                return text
        text = _decoded(raw, "utf-8")
        if text and not text.isascii():
            self.repaired["line_utf8"] += 1
        return text or RowProblem("encoding")


def blocks(path: Path, encoding: str, progress: Progress) -> Iterator[str]:
    """The file's text, some megabytes at a time. Bytes that are no text become U+FFFD."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    place = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            place += len(block)
            progress(place)
            text = decoder.decode(block)
            yield text.removeprefix("\ufeff") if place == len(block) else text
    yield decoder.decode(b"", final=True)
