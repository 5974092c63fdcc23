"""A page's line of answers stays open between its events. Gradio 6.17 closes it whenever the page waits for nothing.

The page then opens another one for its next event, unless it has not yet heard of the closing; then it listens to
nobody, and a button does nothing. That happens where the processor is busy, as it is beside a training run.
"""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs

import gradio as gr
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STREAM, _JOIN = "/gradio_api/queue/data", "/gradio_api/queue/join"
_END = b'"msg":"close_stream"'
_IDLE = 30.0
"""Seconds without an event after which it is closed all the same: no proxy has cut it off by then."""


class OpenLine:
    """ASGI middleware of the app that Gradio makes of `page`."""

    def __init__(self, app: ASGIApp, page: gr.Blocks, idle: float = _IDLE) -> None:
        self._app, self._queue, self._idle = app, page._queue, idle
        self._asked = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on."""
        path = scope["path"] if scope["type"] == "http" else ""
        if path.endswith(_STREAM):
            session = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0]
            is_page = Headers(scope=scope).get("user-agent", "").startswith("Mozilla/")
            # A script ends when its line does
            await (self._stream if is_page else self._line)(session, scope, receive, send)
            return
        await self._app(scope, receive, send)
        if path.endswith(_JOIN):
            self._asked.set()
            self._asked = asyncio.Event()

    async def _line(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Gradio's own. It says so on it where the session is unknown, as that of a page that has just left; it also
        raises that, which would stand in the log as an error of ours. So would the second of two lines of a page that
        leaves, which forgets the session once more."""
        try:
            await self._app(scope, receive, send)
        except KeyError as error:
            if error.args != (session,):
                raise
        except RuntimeError as error:
            if not isinstance(error.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _stream(self, session: str, scope: Scope, receive: Receive, send: Send) -> None:
        begun, end = False, b""

        async def sending(message: Message) -> None:
            nonlocal begun, end
            if message["type"] == "http.response.start":
                if begun:
                    return
                begun = True
            elif _END in message.get("body", b""):
                end = message["body"]
                return
            elif end and not message.get("more_body", False):
                return
            await send(message)

        while True:
            end = b""
            await self._line(session, scope, receive, sending)
            if not end:
                return  # the page has left, or was told of an error
            if not await self._is_asked(session, receive):
                break
        await send({"type": "http.response.body", "body": end, "more_body": False})

    async def _is_asked(self, session: str, receive: Receive) -> bool:
        """Wait until this session asks something. False: for long it did not, or it has left."""
        deadline = asyncio.get_running_loop().time() + self._idle
        leaving = asyncio.ensure_future(receive())
        try:
            while not self._queue.pending_event_ids_session.get(session):
                asked = asyncio.ensure_future(self._asked.wait())
                left = deadline - asyncio.get_running_loop().time()
                done, _ = await asyncio.wait({asked, leaving}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                asked.cancel()
                if asked not in done:
                    return False
            return True
        finally:
            leaving.cancel()
