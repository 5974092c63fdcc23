"""A file that somebody else is writing, read once: every look takes only what has been added since the last one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

CHUNK = 1 << 20
"""Bytes held at once, however much was added."""


class Growing:
    """Remembers how far a file was read. A file that was replaced or cut is read anew. Not for two threads at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._inode = self._offset = 0

    def added(self) -> Iterator[tuple[bool, bytes]]:
        """What is new, in pieces that end with a line's end; True with the first piece of a file read from its start.

        What follows the last line end stays for the next look, so that half a line is never seen.
        """
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        with file:
            end, inode = file.seek(0, 2), os.fstat(file.fileno()).st_ino
            if inode != self._inode or end < self._offset:
                self._inode, self._offset = inode, 0
            file.seek(self._offset)
            while self._offset < end and (chunk := file.read(min(CHUNK, end - self._offset))):
                whole = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
                if not whole and len(chunk) < CHUNK:
                    return
                piece = chunk[: whole or len(chunk)]  # a line longer than a chunk is taken in parts
                first, self._offset = self._offset == 0, self._offset + len(piece)
                file.seek(self._offset)
                yield first, piece
