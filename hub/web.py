"""Asking a hub over HTTP: what it refuses becomes a HubError, and no error holds more than the hub's name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from hub.address import TOKENS, Address
from hub.contents import Stream
from hub.errors import HubError

if TYPE_CHECKING:  # half a second that only those pay who ask a hub
    import requests

_PATIENCE = (15, 60)
"""Seconds until a hub that does not take the call, or says nothing more, is given up."""
_SIGNED = {"Authorization", "Cookie"}
"""Headers that hold a token."""
_BLOCK = 1 << 16
"""What is lost when a connection breaks off is less than this."""


_REDIRECTS = 10
"""How often an answer may lead elsewhere."""


class Broken(HubError):
    """The connection ended before the answer did, or the hub is busy: worth another try."""

    def __init__(self, hub: str, reason: str) -> None:
        super().__init__("hub_unreachable", hub=hub, reason=reason)


def ask(address: Address, url: str, headers: dict[str, str], body: Any = None) -> Any:
    """The JSON that the hub answers. Raises HubError, Broken among them."""
    import requests

    try:
        with _answer(address, url, headers, body) as response:
            answer = response.json()
    except (requests.RequestException, ValueError):
        answer = None
    if not isinstance(answer, dict):
        raise HubError("hub_unreachable", hub=address.hub_name, reason="no JSON")
    return answer


def stream(address: Address, url: str, headers: dict[str, str], offset: int) -> Stream:
    """The bytes of a file from `offset` on. Raises HubError, Broken among them, here and while it is read."""
    import requests

    asked = {**headers, "Accept-Encoding": "identity", **({"Range": f"bytes={offset}-"} if offset else {})}
    stack = ExitStack()
    response = stack.enter_context(_answer(address, url, asked))
    begins = offset if response.status_code == 206 else 0

    def blocks() -> Iterator[bytes]:
        with stack:
            try:
                yield from response.iter_content(_BLOCK)
            except requests.RequestException as error:
                raise Broken(address.hub_name, _short(error)) from None

    return Stream(begins, blocks())


def size(address: Address, url: str) -> int:
    """How many bytes a file has whose link can only be read. Raises HubError."""
    try:
        with _answer(address, url, {"Range": "bytes=0-0", "Accept-Encoding": "identity"}) as response:
            part = response.headers.get("Content-Range", "").rpartition("/")[2]
            return int(part if response.status_code == 206 else response.headers.get("Content-Length", ""))
    except ValueError as error:
        raise HubError("hub_unreachable", hub=address.hub_name, reason="no size") from error


@contextmanager
def _answer(address: Address, url: str, headers: dict[str, str], body: Any = None) -> Iterator[requests.Response]:
    import requests

    try:
        response = _sent(url, headers, body)
    except requests.RequestException as error:
        raise Broken(address.hub_name, _short(error)) from None  # its own text and chain hold the URL and what was sent
    with response:
        if response.status_code >= 400:
            signed = bool(_SIGNED & set(headers))
            raise _refusal(address, response.status_code, signed, response.headers.get("X-Error-Code", ""))
        yield response


def _sent(url: str, headers: dict[str, str], body: Any) -> requests.Response:
    """The answer, wherever the hub leads. Not by requests' own way, which adds what ~/.netrc has for the next host,
    leaves the cookie behind even on the same one, and turns a POST into a GET."""
    import requests

    for _ in range(_REDIRECTS):
        response = requests.request(
            "GET" if body is None else "POST",
            url,
            headers=headers,
            json=body,
            stream=True,
            timeout=_PATIENCE,
            allow_redirects=False,
            auth=lambda request: request,  # or what ~/.netrc has for the host would take the token's place
        )
        if not response.is_redirect:
            return response
        response.close()
        there = urljoin(url, response.headers["Location"])
        if requests.Session().should_strip_auth(url, there):
            headers = {key: value for key, value in headers.items() if key not in _SIGNED}
        url = there
    raise requests.TooManyRedirects


def _refusal(address: Address, status: int, signed: bool, said: str) -> HubError:
    if status in (408, 429) or status >= 500:
        return Broken(address.hub_name, f"HTTP {status}")
    told = {"hub": address.hub_name, "repo": address.repo}
    if said == "RevisionNotFound":
        return HubError("hub_no_such_revision", **told, revision=address.revision)
    if status in (401, 403):
        if signed:
            return HubError("hub_token_refused", **told)
        return HubError("hub_private", **told, variable=TOKENS[address.hub])
    if status == 404:
        return HubError("hub_no_such_repo", **told, variable=TOKENS[address.hub])
    return HubError("hub_unreachable", hub=address.hub_name, reason=f"HTTP {status}")


def _short(error: requests.RequestException) -> str:
    import requests

    if isinstance(error, requests.Timeout):
        return "timeout"
    if isinstance(error, requests.exceptions.SSLError):
        return "TLS"
    return "the connection failed" if isinstance(error, requests.ConnectionError) else type(error).__name__
