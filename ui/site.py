"""The hosted site: the guests' page for everybody, the whole page under /studio behind a password, and /health.

Who may ask for what is in doorkeeper.py. A public link (--share) leads to the same site, so the same rules hold there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import gradio as gr
import uvicorn
from fastapi import FastAPI
from gradio import networking
from starlette.middleware import Middleware

from serving.stage import Stage
from serving.visitors import Visitors
from training import hosted, machine
from training.home import home
from training.sentences import sentence
from ui import look
from ui.arrival import AGAIN, Arrival
from ui.bounded import bound
from ui.caller import PROXIES
from ui.conversation import sees
from ui.doorkeeper import STUDIO, Doorkeeper
from ui.guest_page import guest_page
from ui.open_line import OpenLine
from ui.page import page
from ui.password import Password
from ui.patience import Patient


def serving() -> dict[str, Any]:
    """How every page of ours is served, whoever launches it."""
    closed = [str(home() / name) for name in ("datasets", "models", "runs", "talks", "app.log")]
    return {
        "theme": look.theme(),
        "css_paths": [look.CSS],
        "head": AGAIN,
        "footer_links": [],
        "ssr_mode": False,
        "blocked_paths": closed,
    }


def line(made: gr.Blocks, *before: Middleware) -> dict[str, Any]:
    """What keeps a page's line of answers open, beside what else stands `before` its app."""
    return {"app_kwargs": {"middleware": [*before, Middleware(OpenLine, page=made)]}}


def site(stage: Stage, password: str, root_path: str = "") -> FastAPI:
    """The whole site; without a password there is no studio on it. Begins to fetch the hosted model."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Arrival)

    @app.get("/health")
    def health() -> dict[str, Any]:
        now = hosted.look()
        return {"ok": True, "model": hosted.model(), "fetching": bool(now and now.live)}

    at = {**serving(), "root_path": root_path}
    inside = None
    if password:
        asked = " / ".join(sentence("hosted.password", language) for language in ("zh", "en"))
        whole = bound(page(stage))
        at_studio = {**at, "root_path": f"{root_path}{STUDIO}"} if root_path else at
        door = Password(password).lets_in
        gr.mount_gradio_app(app, whole, STUDIO, auth=door, auth_message=asked, **line(whole), **at_studio)
        inside = _inside(app.routes[-1].app)  # type: ignore[attr-defined]
    guests = bound(guest_page(stage, Visitors(), f"{root_path}{STUDIO}/" if password else "", hosted.fetch()))
    gr.mount_gradio_app(app, guests, "/", max_file_size=1, **line(guests), **at)
    app.add_middleware(
        Doorkeeper, events=guests.fns, inside=inside, root_path=root_path, sees=lambda: sees(hosted.model())
    )
    return app


def _inside(studio: Any) -> Callable[[dict[str, str]], bool]:
    """Whether somebody's cookies are those of one who has given the password, as Gradio itself looks at them."""

    def is_inside(cookies: dict[str, str]) -> bool:
        names = (f"access-token{kind}-{studio.cookie_id}" for kind in ("", "-unsecure"))
        return any(cookies.get(name) in studio.tokens for name in names)

    return is_inside


def server(app: FastAPI, host: str, port: int) -> uvicorn.Server:
    """What serves the site, not running yet."""
    trusted = os.environ.get("FORWARDED_ALLOW_IPS", PROXIES)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_level="warning",
            http=Patient,
            ws="none",
            forwarded_allow_ips=trusted,
            timeout_graceful_shutdown=5,
        )
    )


def serve(stage: Stage, host: str, port: int, share: bool) -> None:
    """Serve until it is ended: the hosted site where strangers visit, else the whole page to whoever reaches it.

    `share`: besides, a public link, to the hosted site or to one like it; a sentence where it cannot be had.
    """
    # A talk may be cut off in the middle: a platform that restarts does not wait long. That is no error.
    logging.getLogger("uvicorn.error").addFilter(lambda record: not _was_cut_off(record))
    if hosted.is_hosted():
        if machine.look().device == "cpu":
            os.environ.setdefault("STUDIO_ENGINE", "int8")
        app = site(stage, os.environ.get("STUDIO_PASSWORD", ""), os.environ.get("GRADIO_ROOT_PATH", ""))
        serving_it = server(app, host, port)
        if share:
            threading.Thread(target=_share, args=(serving_it,), daemon=True).start()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with suppress(KeyboardInterrupt):  # which uvicorn raises again once it has ended
            serving_it.run()
        return
    whole = page(stage).queue(default_concurrency_limit=None)
    whole.launch(
        server_name=host,
        server_port=port,
        quiet=True,
        prevent_thread_lock=True,
        **line(whole, Middleware(Arrival)),
        **serving(),
    )
    if share:
        beside = server(site(stage, ""), "127.0.0.1", 0)
        threading.Thread(target=beside.run, daemon=True).start()
        _share(beside)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # from here on Gradio takes it
    whole.block_thread()


def _share(running: uvicorn.Server) -> None:
    """Say the public link to what is served, once it is, or that there is none."""
    while not running.started:
        time.sleep(0.1)
    link = public_link(running.servers[0].sockets[0].getsockname()[1])
    for language in ("zh", "en"):
        print(sentence("app.shared" if link else "app.no_share", language, url=link), flush=True)


def public_link(port: int) -> str | None:
    """Open this port of ours to the world through Gradio's tunnel; None when that cannot be had."""
    try:
        link = networking.setup_tunnel("127.0.0.1", port, secrets.token_urlsafe(32), None, None)
    except Exception:  # no network, no tunnel program, a refusal: Gradio has no common error for them
        return None
    return urlunsplit(("https", *urlsplit(link)[1:]))


def _was_cut_off(record: logging.LogRecord) -> bool:
    return bool(record.exc_info) and isinstance(record.exc_info[1], asyncio.CancelledError)  # type: ignore[index]
