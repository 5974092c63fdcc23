"""A model repo becomes a folder: only the files a model needs, each checked, all of them or nothing.

What has arrived lies in `.NAME.part` beside the folder, and another pull goes on from there; a cancelled one leaves
nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hub import selection
from hub.address import Address, Credentials
from hub.contents import File, Listing, is_whole
from hub.errors import HubError, writing_failed
from hub.listing import listing
from hub.web import Broken

_HEADROOM = 64 << 20
"""Bytes so that a disk is not filled to its last block."""
_TRIES = 4
"""How often a file is begun again without a single new byte before the pull gives up."""
_GIVEN_UP = ("hub_cancelled", "hub_no_weights", "hub_incomplete")
"""Errors after which nothing of what has arrived is wanted."""
PAUSE = 1.0
"""Seconds before the second try; each later one waits longer."""


@dataclass(frozen=True)
class Progress:
    """How far a pull is: bytes of the file at hand, and of all files that are known to be needed."""

    file: str
    done: int
    size: int
    total_done: int
    total: int


def pull(
    address: Address,
    to: Path,
    who: Credentials | None = None,
    progress: Callable[[Progress], None] = lambda progress: None,
    accept: Callable[[Path, list[str]], object] = lambda folder, weights: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Make the folder `to` out of the repo.

    `accept(folder, weights)` sees the small files and the names of the weights before these are fetched, and may raise.
    Raises HubError: hub_no_such_repo, hub_no_such_revision, hub_private, hub_token_refused, hub_unreachable,
    hub_broken, hub_corrupt, hub_no_weights, hub_incomplete, hub_no_space, hub_busy, hub_cancelled, hub_target_taken,
    hub_base_bad, hub_git_missing, hub_git_failed, disk_full, not_writable.
    """
    if os.path.lexists(to):
        raise HubError("hub_target_taken", path=to)
    part = to.parent / f".{to.name}.part"
    wanted = True

    def accepted(folder: Path, weights: list[str]) -> None:
        nonlocal wanted
        wanted = False
        accept(folder, weights)
        wanted = True

    try:
        part.mkdir(parents=True, exist_ok=True)
        with _held(part):
            of_use = False
            try:
                _Pull(address, who or Credentials(), part, progress, cancelled).run(accepted)
                os.rename(part / "files", to)
            except BaseException as error:  # a signal among them: whatever it was, the next pull goes on from here
                given_up = isinstance(error, HubError) and error.code in _GIVEN_UP
                of_use = wanted and not given_up and any([*part.glob("*.half"), *part.glob("files/*")])
                raise
            finally:
                if not of_use:  # arrived, or refused by accept()
                    shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise writing_failed(error, to) from error
    return to


@contextmanager
def _held(part: Path) -> Iterator[None]:
    """This pull's own place, until it ends, however it ends."""
    descriptor = os.open(part, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HubError("hub_busy", path=part.parent) from None
        yield
    finally:
        os.close(descriptor)


class _Pull:
    """One pull's place and how far it is."""

    def __init__(self, address, who, part, progress, cancelled) -> None:  # type: ignore[no-untyped-def]
        self.address, self.who, self.part = address, who, part
        self.progress, self.cancelled = progress, cancelled
        self.files = part / "files"
        self.known: list[File] = []
        self.expected = 0
        """Bytes of the weights, as long as these are not known by name."""
        self.told = ("", 0.0)
        """The file that was told of last, and when."""

    def run(self, accept: Callable[[Path, list[str]], object]) -> None:
        shutil.rmtree(self.part / "git", ignore_errors=True)
        (self.part / "git").mkdir()
        repo = listing(self.address, self.who, self.part / "git", self.cancelled)
        self._go_on_or_begin(repo.commit)
        self.expected = selection.expected(repo.files)
        self._fetch(repo, selection.small(repo.files))
        heavy, self.expected = selection.weights(self.files, repo.files), 0
        accept(self.files, [file.name for file in heavy])
        self._fetch(repo, heavy)

    def _go_on_or_begin(self, commit: str) -> None:
        """What an earlier pull left is of use only when it came from the same place."""
        source = {"base": self.address.base, "repo": self.address.repo, "commit": commit}
        mark = self.part / "source.json"
        try:
            same = json.loads(mark.read_text(encoding="utf-8")) == source
        except (OSError, ValueError):
            same = False
        if not same:
            shutil.rmtree(self.files, ignore_errors=True)
            for left in self.part.glob("*.half"):
                left.unlink()
            mark.write_text(json.dumps(source), encoding="utf-8")
        self.files.mkdir(exist_ok=True)

    def _fetch(self, repo: Listing, files: list[File]) -> None:
        self.known += files
        self._check_space()
        for file in files:
            if not (self.files / file.name).is_file():
                self._whole(repo, file)

    def _check_space(self) -> None:
        total = sum(file.size for file in self.known)
        needed, free = total - self._arrived(), shutil.disk_usage(self.part).free
        if needed > 0 and free < needed + _HEADROOM:
            told = {"needed": f"{needed / 1e9:.1f} GB", "free": f"{free / 1e9:.1f} GB"}
            raise HubError("hub_no_space", path=self.part.parent, **told)

    def _arrived(self) -> int:
        whole = sum(file.size for file in self.known if (self.files / file.name).is_file())
        return whole + sum(half.stat().st_size for half in self.part.glob("*.half"))

    def _whole(self, repo: Listing, file: File) -> None:
        """Fetch one file and put it among the checked ones. Broken content is fetched once more, from its beginning."""
        half = self.part / f"{file.name}.half"
        for _ in range(2):
            self._bytes(repo, file, half)
            if is_whole(half, file):
                os.replace(half, self.files / file.name)
                return
            half.unlink()
        raise HubError("hub_corrupt", file=file.name, hub=self.address.hub_name)

    def _bytes(self, repo: Listing, file: File, half: Path) -> None:
        tries = most = 0
        while True:
            before = half.stat().st_size if half.is_file() else 0
            if before > file.size:
                before = 0
                half.unlink()
            if before == file.size and half.is_file():
                return
            try:
                self._go_on(repo, file, half, before)
            except Broken as error:
                reason = error.details["reason"]
            else:
                reason = "the answer was too short"
            now = half.stat().st_size if half.is_file() else 0
            if now >= file.size:
                return
            tries = 0 if now > max(most, before) else tries + 1
            most = max(most, before, now)
            if tries >= _TRIES:
                share = f"{100 * now / max(1, file.size):.0f}"
                raise HubError(
                    "hub_broken", file=file.name, percent=share, hub=self.address.hub_name, reason=reason
                ) from None
            self._wait(PAUSE * (tries + 1))

    def _go_on(self, repo: Listing, file: File, half: Path, offset: int) -> None:
        stream = repo.read(file, offset)
        with half.open("r+b" if half.is_file() else "wb") as opened:
            opened.truncate(stream.offset)
            opened.seek(stream.offset)
            done = stream.offset
            before = self._arrived() - done
            for block in stream.blocks:
                done += opened.write(block)
                if done > file.size:
                    break  # whatever this is, it is not the file
                if self.cancelled():
                    raise HubError("hub_cancelled")
                self._tell(file, done, before)
            opened.flush()
            os.fsync(opened.fileno())

    def _tell(self, file: File, done: int, before: int) -> None:
        before_this, when = self.told
        if done == file.size or file.name != before_this or time.monotonic() - when > 0.2:
            self.told = (file.name, time.monotonic())
            total = self.expected + sum(each.size for each in self.known)
            self.progress(Progress(file.name, done, file.size, before + done, total))

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.cancelled():
                raise HubError("hub_cancelled")
            time.sleep(0.05)
