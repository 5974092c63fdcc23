"""A repo by git and git-lfs: git tells the files, LFS pointers their SHA-256, the LFS server their bytes by range.

The LFS protocol is spoken here and not by the git-lfs program, whose downloads cannot be followed byte by byte, lie
twice on the disk, and need it installed.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hub import web
from hub.address import Address, Credentials
from hub.contents import File, Listing, Stream
from hub.errors import HubError
from hub.git import Git
from hub.web import Broken

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\nsize (\d+)\n"
)
_LONGEST_POINTER = 1024
_LFS = "application/vnd.git-lfs+json"
_GONE = (404, 410, 422)
"""What an LFS server says of an object that it does not have; anything else may be over the next time."""


def listing(address: Address, who: Credentials, scratch: Path, cancelled: Callable[[], bool]) -> Listing:
    """The repo's files. Raises HubError."""
    git = Git(address, who, scratch, cancelled)
    git("init", "--quiet", "--bare", ".")
    git("fetch", "--quiet", "--depth=1", "--no-tags", git.url, address.revision or "HEAD")
    commit = git("rev-parse", "FETCH_HEAD^{commit}").decode().strip()
    blobs: dict[str, str] = {}
    files = []
    for line in git("ls-tree", "-r", "-z", "-l", commit).split(b"\0")[:-1]:
        told, _, name = line.partition(b"\t")
        mode, kind, sha, size = told.split()
        if kind == b"blob" and mode != b"120000":  # no links: they lead elsewhere
            files.append(File(name.decode(errors="replace"), int(size), git_sha=sha.decode()))
    for number, file in enumerate(files):
        pointer = _POINTER.match(git("cat-file", "blob", file.git_sha)) if _may_be_pointer(file) else None
        if pointer:
            files[number] = File(file.name, int(pointer[2]), sha256=pointer[1].decode())
        else:
            blobs[file.name] = file.git_sha

    def read(file: File, offset: int) -> Stream:
        if file.name in blobs:
            return Stream(0, iter([git("cat-file", "blob", blobs[file.name])]))
        return _object(address, who, git.url, file, offset)

    return Listing(commit, tuple(files), read)


def _may_be_pointer(file: File) -> bool:
    """Only files at the top can be a model's, so only they are looked into."""
    return file.size < _LONGEST_POINTER and "/" not in file.name


def _object(address: Address, who: Credentials, url: str, file: File, offset: int) -> Stream:
    """A large file's bytes, by a link that the LFS server makes for the moment."""
    place = f"{url}/info/lfs/objects/batch"
    basic = base64.b64encode(f"{who.user}:{who.token}".encode()).decode()
    signed = {"Authorization": f"Basic {basic}"} if who.token else {}
    asked = {"operation": "download", "transfers": ["basic"], "objects": [{"oid": file.sha256, "size": file.size}]}
    try:
        told = web.ask(address, place, {**signed, "Accept": _LFS, "Content-Type": _LFS}, asked)
        href, given = _link(address, file, told)
        ours = urlsplit(href)[:2] == urlsplit(url)[:2] and "authorization" not in map(str.lower, given)
        return _by_link(address, href, {**given, **(signed if ours else {})}, offset)
    except HubError as error:
        if error.code != "hub_no_such_repo":  # git has just shown it: what is not there is the file
            raise
        raise HubError("hub_incomplete", missing=file.name) from error


def _link(address: Address, file: File, told: Any) -> tuple[str, dict[str, str]]:
    """Where the bytes are, and the headers to ask with, out of the server's answer. Raises HubError."""
    try:
        answer = told["objects"][0]
        if (answer.get("error") or {}).get("code") in _GONE:
            raise HubError("hub_incomplete", missing=file.name)
        link = answer["actions"]["download"]
        href, given = str(link["href"]), {str(key): str(value) for key, value in (link.get("header") or {}).items()}
        if urlsplit(href).scheme not in ("http", "https"):
            raise ValueError(href)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise Broken(address.hub_name, "no link to a large file") from error
    return href, given


def _by_link(address: Address, href: str, headers: dict[str, str], offset: int) -> Stream:
    try:
        return web.stream(address, href, headers, offset)
    except HubError as error:
        if error.code not in ("hub_private", "hub_token_refused"):
            raise
        raise Broken(address.hub_name, "the link has expired") from error  # the next try has a new one
