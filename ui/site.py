"""The hosted site: the guests' page for everybody, the whole page under /studio behind a password, and /health."""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.stage import Stage
from serving.visitors import Visitors
from training import hosted, machine
from training.home import home
from training.sentences import sentence
from ui import look
from ui.arrival import Arrival
from ui.guest_page import guest_page
from ui.page import page

STUDIO = "/studio"
_TRIES, _LOCKED = 5, 300.0
"""After so many wrong passwords, so many seconds without another try."""

_LONGEST = 1 << 20
"""Bytes of a guest's request."""


class Password:
    """The door of the studio, as Gradio asks it: any user name, one password."""

    def __init__(self, password: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._password, self._clock, self._lock = password.encode(), clock, threading.Lock()
        self._wrong, self._closed_until = 0, float("-inf")

    def __call__(self, _user: str, given: str) -> bool:
        """Whether he may come in; nobody may for a while after too many wrong passwords, the right one included."""
        with self._lock:
            if self._clock() < self._closed_until:
                return False
            right = hmac.compare_digest(given.encode(), self._password)
            self._wrong = 0 if right else self._wrong + 1
            if self._wrong >= _TRIES:
                self._wrong, self._closed_until = 0, self._clock() + _LOCKED
                print(
                    f"{_TRIES} wrong passwords: the studio is locked for {_LOCKED:.0f} s", file=sys.stderr, flush=True
                )
            return right


class ShortRequests:
    """Refuses what is longer than any question needs to be, before it is read. The studio, once inside, takes files."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, or answer 413."""
        if scope["type"] == "http" and not scope["path"].startswith(
            f"{scope.get('root_path', '')}{STUDIO}/gradio_api/"
        ):
            headers = Headers(scope=scope)
            length = headers.get("content-length", "0")
            unknown = "transfer-encoding" in headers or not length.isdecimal()
            if unknown or int(length) > self._most:
                await Response("This is too long.", 413)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def serving() -> dict[str, Any]:
    """How every page of ours is served, whoever launches it."""
    closed = [str(home() / name) for name in ("datasets", "models", "runs", "app.log")]
    return {
        "theme": look.theme(),
        "css_paths": [look.CSS],
        "footer_links": [],
        "ssr_mode": False,
        "blocked_paths": closed,
    }


def guests(stage: Stage, studio: str = "") -> gr.Blocks:
    """The guests' page; begins to fetch the hosted model."""
    return guest_page(stage, Visitors(), studio, hosted.fetch()).queue(default_concurrency_limit=None)


def site(stage: Stage, password: str, root_path: str = "") -> FastAPI:
    """The whole site; without a password there is no studio on it."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(ShortRequests, most=_LONGEST)
    app.add_middleware(Arrival)

    @app.get("/health")
    def health() -> dict[str, Any]:
        now = hosted.look()
        return {"ok": True, "model": hosted.model(), "fetching": bool(now and now.live)}

    at = {**serving(), "root_path": root_path}
    if password:
        asked = " / ".join(sentence("hosted.password", language) for language in ("zh", "en"))
        whole = page(stage).queue(default_concurrency_limit=None)
        at_studio = {**at, "root_path": f"{root_path}{STUDIO}"} if root_path else at
        app = gr.mount_gradio_app(app, whole, STUDIO, auth=Password(password), auth_message=asked, **at_studio)
    # Guests have nothing to upload.
    return gr.mount_gradio_app(
        app, guests(stage, f"{root_path}{STUDIO}/" if password else ""), "/", max_file_size=1, **at
    )


def serve(stage: Stage, host: str, port: int, share: bool) -> None:
    """Serve until it is ended: the hosted site where strangers visit, else the whole page to whoever reaches it.

    `share`: besides, a public link to the guests' page; a sentence where it cannot be had.
    """
    if hosted.is_hosted():
        if machine.look().device == "cpu":
            os.environ.setdefault("STUDIO_ENGINE", "int8")
        app = site(stage, os.environ.get("STUDIO_PASSWORD", ""), os.environ.get("GRADIO_ROOT_PATH", ""))
        # A talk may be cut off in the middle: a platform that restarts does not wait long. That is no error.
        logging.getLogger("uvicorn.error").addFilter(lambda record: not _was_cut_off(record))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=5)
        return
    whole = page(stage).queue(default_concurrency_limit=None)
    arriving = {"middleware": [Middleware(Arrival)]}
    whole.launch(
        server_name=host, server_port=port, quiet=True, prevent_thread_lock=True, app_kwargs=arriving, **serving()
    )
    if share:
        link = shared(stage)
        for language in ("zh", "en"):
            print(sentence("app.shared" if link else "app.no_share", language, url=link), flush=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # from here on Gradio takes it
    whole.block_thread()


def _was_cut_off(record: logging.LogRecord) -> bool:
    return bool(record.exc_info) and isinstance(record.exc_info[1], asyncio.CancelledError)  # type: ignore[index]


def shared(stage: Stage) -> str | None:
    """Open the guests' page to the world through Gradio's tunnel; its link, or None when that cannot be had."""
    short = {"middleware": [Middleware(ShortRequests, most=_LONGEST), Middleware(Arrival)]}
    launched = guests(stage).launch(
        share=True, prevent_thread_lock=True, quiet=True, max_file_size=1, app_kwargs=short, **serving()
    )
    link = launched[2]
    return link or None
