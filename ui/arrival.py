"""A page arrives in its visitor's language (chosen last, else his browser's) and with what there is to choose.

Nothing is drawn twice, and whoever is quicker than the page's first event is answered rightly. A page whose drawing
broke off is loaded again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from http.cookies import CookieError, SimpleCookie
from typing import Any

import gradio as gr
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from training.errors import UserError
from training.sentences import LANGUAGES
from ui.text import COOKIE, Text, preferred

AGAIN = """<script>
for (const broken of ["error", "unhandledrejection"]) addEventListener(broken, () => setTimeout(() => {
  const unfinished = document.querySelector(".main > [data-testid=status-tracker]");
  if (unfinished && performance.getEntriesByType("navigation")[0].type !== "reload") location.reload();
}, 5000));
</script>"""
"""In the page's head. On a busy machine Gradio 6.17's script can break off while it draws (Svelte finds an entry of a
list gone, as in sveltejs/svelte 17166 and 18610), and "Loading..." lies over the page for ever. Once is enough: a page
that was reloaded is left alone."""

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
    """Blocks whose config, which Gradio puts into the page, is made for who asks for it, at the time he does."""

    text: Text | None = None
    there: Callable[[str], dict[gr.Dropdown, dict[str, Any]]] | None = None
    """(language) -> updates of the dropdowns whose choices are on the disk."""

    @property
    def config(self) -> Any:
        """As Gradio made it; within a request, in the visitor's language and with today's choices."""
        language = _language.get()
        if self.text is None or language is None:
            return self._config
        said = {**self.text.props(language)}
        for number, props in self._offered(language).items():
            said[number] = {**said.get(number, {}), **props}
        components = [
            {**each, "props": {**each["props"], **said[each["id"]]}} if each["id"] in said else each
            for each in self._config["components"]
        ]
        return {**self._config, "components": components}

    @config.setter
    def config(self, made: Any) -> None:
        self._config = made

    def _offered(self, language: str) -> dict[int, dict[str, Any]]:
        try:
            there = self.there(language) if self.there else {}
        except UserError:  # the page's first event says it
            return {}
        found = {}
        for dropdown, update in there.items():
            made = gr.Dropdown(choices=update["choices"], value=update.get("value"), render=False)
            # What is not among them Gradio would refuse; after an update of its label it makes it anew, out of these.
            dropdown.choices = dropdown.constructor_args["choices"] = made.choices
            found[dropdown._id] = {"choices": made.choices, **({"value": made.value} if "value" in update else {})}
        return found
