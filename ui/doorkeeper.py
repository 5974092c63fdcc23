"""Who may ask the hosted site for what. Gradio has many more routes than the page needs; only the needed ones open.

Everybody: the page, its parts, and the events it has (guest_event.py). Before the password: the form that asks for it.
After it: everything under /studio, but never on behalf of another site that the owner has open besides.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from gradio.block_function import BlockFunction
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from training.sentences import sentence
from ui.arrival import language_of
from ui.caller import asking, caller
from ui.crowd import Crowd
from ui.edge import logged
from ui.guest_event import LONGEST, LONGEST_WITH_PICTURE, checked

STUDIO = "/studio"
_PARTS = r"theme\.css|favicon\.ico|manifest\.json|robots\.txt|(?:assets|static)/(?!.*\.\.).+"
_GUESTS_READ = re.compile(rf"/(?:{_PARTS}|health|config|gradio_api/(?:info|queue/data|heartbeat/[\w-]{{1,64}}))?")
_GUESTS_SEND = ("/gradio_api/queue/join", "/gradio_api/run/predict")
_CLOSED_READ = re.compile(rf"{STUDIO}(?:/(?:{_PARTS})?)?")
_CLOSED_SEND = (f"{STUDIO}/login", f"{STUDIO}/login/")

_PATIENCE = 20.0
"""Seconds in which all of it has to be here."""


class _Refused(Exception):
    """Why a request is not answered: refused.WHY of the sentences."""

    def __init__(self, status: int, why: str) -> None:
        self._status, self._why = status, why

    def told(self, scope: Scope) -> JSONResponse:
        """The answer, in the visitor's language, as Gradio's page reads it."""
        said = sentence(f"refused.{self._why}", language_of(Headers(scope=scope)))
        return JSONResponse({"detail": said}, self._status)


class Doorkeeper:
    """ASGI middleware. `events`: the guests' page's; `inside`: whether these cookies have given the password."""

    def __init__(
        self,
        app: ASGIApp,
        events: dict[int, BlockFunction],
        inside: Callable[[dict[str, str]], bool] | None = None,
        root_path: str = "",
        crowd: Crowd | None = None,
        patience: float = _PATIENCE,
        sees: Callable[[], bool] = lambda: False,
    ) -> None:
        """`sees`: whether the model that answers now has eyes, so that pictures may come."""
        self._app, self._events, self._inside = app, events, inside
        self._prefix = urlsplit(root_path).path.rstrip("/")
        self._mounted = "" if urlsplit(root_path).scheme else self._prefix
        self._crowd, self._patience, self._sees = crowd or Crowd(), patience, sees

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, or say why not."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            asking.set(caller((scope["client"] or ("",))[0]))
            costly = not re.fullmatch(rf"(?:{STUDIO})?/(?:{_PARTS})", scope["path"])
            with self._crowd.place(asking.get(), costly) as welcome:
                try:
                    if not welcome:
                        raise _Refused(429, "many")
                    scope, receive = await self._admitted(self._without_prefix(scope), receive)
                except _Refused as refused:
                    await refused.told(scope)(scope, receive, send)
                else:
                    await self._pass_on(self._with_prefix(scope), receive, send)

    async def _admitted(self, scope: Scope, receive: Receive) -> tuple[Scope, Receive]:
        """The request as it may go on. Raises _Refused for what may not."""
        path, method, headers = scope["path"], scope["method"], Headers(scope=scope)
        reads = method in ("GET", "HEAD")
        if self._inside and (path == STUDIO or path.startswith(f"{STUDIO}/")):
            if _is_foreign(headers) and not (
                reads and headers.get("sec-fetch-dest") == "document"
            ):  # a link may lead here
                raise _Refused(403, "foreign")
            if self._inside(cookie_parser(headers.get("cookie", ""))):
                return scope, receive
            if reads and _CLOSED_READ.fullmatch(path):
                return scope, receive
            if method == "POST" and path in _CLOSED_SEND:
                return scope, _again(await self._read(headers, receive), receive)
            raise _Refused(401, "password")
        if reads and _GUESTS_READ.fullmatch(path):
            return scope, receive
        if method == "POST" and path in _GUESTS_SEND:
            longest = LONGEST_WITH_PICTURE if self._sees() else LONGEST
            event = checked(await self._read(headers, receive, longest), self._events)
            if event is None:
                raise _Refused(400, "event")
            length = (b"content-length", str(len(event)).encode())
            kept = [pair for pair in scope["headers"] if pair[0] != b"content-length"]
            return {**scope, "headers": [*kept, length]}, _again(event, receive)
        raise _Refused(404, "nothing")

    async def _read(self, headers: Headers, receive: Receive, longest: int = LONGEST) -> bytes:
        """The whole body, when it is as long as it may be and comes in time."""
        length = headers.get("content-length", "")
        if "transfer-encoding" in headers or not re.fullmatch(r"[0-9]{1,9}", length) or int(length) > longest:
            raise _Refused(413, "long")

        async def whole() -> bytes:
            body, more = b"", True
            while more:
                part = await receive()
                if part["type"] == "http.disconnect":
                    raise _Refused(400, "half")
                body, more = body + part.get("body", b""), part.get("more_body", False)
            return body

        try:
            return await asyncio.wait_for(whole(), self._patience)
        except asyncio.TimeoutError:
            raise _Refused(408, "slow") from None

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What goes wrong inside stands in HOME/app.log, once and whole, and is no reason to fill the server's log."""
        begun = whole = False

        async def sending(message: Message) -> None:
            nonlocal begun, whole
            begun = True
            whole = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:
            logged()
            if not begun:
                await _Refused(500, "defect").told(scope)(scope, receive, send)
                return
        if begun and not whole:
            await send({"type": "http.response.body", "body": b""})

    def _without_prefix(self, scope: Scope) -> Scope:
        """As if the proxy had taken its prefix away, which not every proxy does."""
        path: str = scope["path"]
        if not self._prefix or not (path == self._prefix or path.startswith(f"{self._prefix}/")):
            return scope
        return {**scope, "path": path.removeprefix(self._prefix) or "/"}

    def _with_prefix(self, scope: Scope) -> Scope:
        """As ASGI wants it: a mounted app finds its own path only below the root path that it was told."""
        if not self._mounted:
            return scope
        return {**scope, "root_path": self._mounted, "path": f"{self._mounted}{scope['path']}"}


def _is_foreign(headers: Headers) -> bool:
    """Whether another site's page asks, or shows ours inside its own: the owner's cookie comes along with both."""
    return headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")


def _again(body: bytes, receive: Receive) -> Receive:
    """A `receive` that begins with this body."""
    parts: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def received() -> Message:
        return parts.pop() if parts else await receive()

    return received
