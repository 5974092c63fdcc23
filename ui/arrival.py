"""A page arrives in its visitor's language: the one he chose last, else his browser's. Nothing is drawn twice."""

from __future__ import annotations

from contextvars import ContextVar
from http.cookies import CookieError, SimpleCookie
from typing import Any

import gradio as gr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from training.sentences import LANGUAGES
from ui.text import COOKIE, Text, preferred

_language: ContextVar[str | None] = ContextVar("language", default=None)


class Arrival:
    """ASGI middleware that every page needs: it reads whose language it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on."""
        if scope["type"] == "http":
            _language.set(language_of(Headers(scope=scope)))
        await self._app(scope, receive, send)


def language_of(headers: Headers) -> str:
    """The visitor's language by the headers of his request."""
    try:
        chosen = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        chosen = None
    if chosen and chosen.value in LANGUAGES:
        return chosen.value
    return preferred(headers.get("accept-language"))


class Page(gr.Blocks):
    """Blocks whose config, which Gradio puts into the page, is in the language of who asks for it."""

    text: Text | None = None

    @property
    def config(self) -> Any:
        """As Gradio made it; within a request, in the visitor's language."""
        language = _language.get()
        if self.text is None or language is None:
            return self._config
        said = self.text.props(language)
        components = [
            {**each, "props": {**each["props"], **said[each["id"]]}} if each["id"] in said else each
            for each in self._config["components"]
        ]
        return {**self._config, "components": components}

    @config.setter
    def config(self, made: Any) -> None:
        self._config = made
