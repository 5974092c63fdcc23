"""OpenXLab by the API that its SDK speaks, where its git refuses: every file by a link made for the moment.

Not through the SDK (openxlab 0.1.3): it prints what goes wrong and returns, takes half a file for a whole one, reports
each call, and upgrades itself with pip when the server says so. The API knows no revisions, and what its `hash` is of
is told nowhere, so a file is judged by its size and, where it has one, by its own header.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from hub import keys, web
from hub.address import TOKENS, Address
from hub.contents import File, Listing, Stream
from hub.errors import HubError

KEYS = ("OPENXLAB_AK", "OPENXLAB_SK")
NOBODY = dict.fromkeys((*TOKENS.values(), *KEYS), "")
"""Variables for a process that must not act in the name of this machine's owner."""
"""The variables that hold a user's access key and its secret."""
BASE = "OPENXLAB_API_BASE"
"""The variable that moves the API."""
_USUAL = "https://openapi.openxlab.org.cn/api/v1"
_FILES = "model-center/api/v1/cli/repository/getFileDownloadUrl"
_INFO = "model-center/api/v1/cli/repository/queryModelRepoInfo"
_SIGN_IN = "sso-be/api/v1/open"
_FINE = "10000"


def listing(address: Address, variables: Mapping[str, str] = os.environ) -> Listing:
    """The repo's files; private ones with OPENXLAB_AK and OPENXLAB_SK. Raises HubError."""
    known = _links(address, variables)
    files = tuple(File(name, web.size(address, link)) for name, (link, _) in sorted(known.items()))

    def read(file: File, offset: int) -> Stream:
        now = _links(address, variables)  # links do not live as long as a download may
        if file.name not in now:
            raise HubError("hub_incomplete", missing=file.name)
        return web.stream(address, now[file.name][0], {}, offset)

    # Whatever their `hash` is of, another content has another one: half a file is not gone on with then.
    state = repr([(file.name, file.size, known[file.name][1]) for file in files]).encode()
    return Listing(hashlib.sha256(state).hexdigest(), files, read)


def base(variables: Mapping[str, str] = os.environ) -> str:
    """Where the API is. Raises HubError(hub_base_bad)."""
    url = (variables.get(BASE) or _USUAL).rstrip("/")
    if urlsplit(url).scheme not in ("http", "https") or "@" in urlsplit(url).netloc:
        raise HubError("hub_base_bad", variable=BASE)
    return url


class _Told(HubError):
    """The hub answered, and the answer is no."""


def _links(address: Address, variables: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """By file name, where its bytes are for now, and the hub's hash."""
    user, _, repo = address.repo.partition("/")
    asked = {"userName": user, "repositoryName": repo, "modelNames": None, "filePaths": None, "clientFrom": "0"}
    told = _ask(address, variables, _FILES, {**asked, "ignore": None}, signed(address, variables))
    try:
        given = [*(told.get("modelNames") or {}).values(), *(told.get("filePaths") or {}).values()]
        links = {str(each["fileName"]): (str(each["url"]), str(each.get("hash"))) for each in given}
    except (AttributeError, KeyError, TypeError) as error:
        raise HubError("hub_unreachable", hub=address.hub_name, reason="no list of files") from error
    if not links:
        raise HubError("hub_no_weights")
    if any(urlsplit(link).scheme not in ("http", "https") for link, _ in links.values()):
        raise HubError("hub_unreachable", hub=address.hub_name, reason="no list of files")
    return links


def exists(address: Address, variables: Mapping[str, str] = os.environ) -> bool:
    """Whether the hub has this repo, for whoever asks. Raises HubError where nobody answers."""
    user, _, repo = address.repo.partition("/")
    headers = signed(address, variables)
    try:
        _ask(address, variables, _INFO, {"userName": user, "repoName": repo}, headers)
    except _Told:
        return False
    return True


def signed(address: Address, variables: Mapping[str, str]) -> dict[str, str]:
    """The header that goes with a request; none without keys. Raises HubError."""
    key, secret = (keys.find(name, variables) for name in KEYS)
    if not key or not secret:
        return {}
    told = _ask(address, variables, f"{_SIGN_IN}/auth", {"ak": key}, {})
    try:
        nonce, method = str(told["nonce"]), str(told["algorithm"]).removeprefix("Hmac").lower()
        answer = base64.b64encode(hmac.new(secret.encode(), nonce.encode(), method).digest()).decode()
        told = _ask(address, variables, f"{_SIGN_IN}/getJwt", {"ak": key, "d": answer}, {})
        return {"Authorization": str(told["jwt"])}
    except (KeyError, ValueError) as error:
        raise HubError("hub_token_refused", hub=address.hub_name, repo=address.repo) from error


def _ask(
    address: Address, variables: Mapping[str, str], path: str, body: dict[str, Any], headers: dict[str, str]
) -> dict[str, Any]:
    outer = web.ask(address, f"{base(variables)}/{path}", headers, body)
    inner = outer.get("data") if outer.get("msgCode") == _FINE else outer
    if not isinstance(inner, dict) or inner.get("msgCode") != _FINE or not isinstance(inner.get("data"), dict):
        said = inner.get("msg") if isinstance(inner, dict) else ""
        raise _Told("hub_unreachable", hub=address.hub_name, reason=str(said or "no answer")[:200])
    return dict(inner["data"])
