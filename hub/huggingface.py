"""Hugging Face, or a mirror of it (HF_ENDPOINT): its list of files with their hashes, and their bytes by range.

Not through huggingface_hub's download, which checks sizes only and cannot be cancelled.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hub import web
from hub.address import Address, Credentials
from hub.contents import File, Listing, Stream
from hub.errors import HubError


def listing(address: Address, who: Credentials) -> Listing:
    """The repo's files. Raises HubError."""
    headers = {"Authorization": f"Bearer {who.token}"} if who.token else {}
    revision = quote(address.revision or "main", safe="")
    told = web.ask(address, f"{address.base}/api/models/{address.repo}/revision/{revision}?blobs=true", headers)
    try:
        commit = str(told["sha"])
        files = tuple(_file(each) for each in told["siblings"])
    except (KeyError, TypeError, ValueError) as error:
        raise HubError("hub_unreachable", hub=address.hub_name, reason="no list of files") from error

    def read(file: File, offset: int) -> Stream:
        url = f"{address.base}/{address.repo}/resolve/{quote(commit, safe='')}/{quote(file.name)}"
        return web.stream(address, url, headers, offset)

    return Listing(commit, files, read)


def _file(told: dict[str, Any]) -> File:
    lfs = told.get("lfs") or {}
    sha256 = str(lfs.get("sha256") or "")
    git_sha = "" if sha256 else str(told.get("blobId") or "")
    return File(str(told["rfilename"]), int(lfs.get("size") or told["size"]), sha256, git_sha)
