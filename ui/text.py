"""Two languages, switched live: components are made with keys instead of strings, and one radio changes them all.

gr.I18n follows the browser's locale and cannot be switched from the page; therefore this room. A switch sends labels,
never values, so nothing typed is lost. Texts that depend on data are not covered: their tabs render them again, with
the language as an input (`text.language.change(...)`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import gradio as gr

from training.sentences import LANGUAGES, sentence

DEFAULT = "zh"
_NAMES = {"zh": "中文", "en": "English"}
_STORED = "assistant-studio-language"

C = TypeVar("C")


@dataclass(frozen=True)
class Key:
    """A text of assets/i18n, to be said once the language is known; `detail` fills its `{detail}`."""

    name: str
    detail: str | None = None

    def said(self, language: str) -> str:
        """The text in `language`."""
        return sentence(self.name, language, **({} if self.detail is None else {"detail": self.detail}))


class Text:
    """The translatable components of one page."""

    def __init__(self) -> None:
        self._bound: list[tuple[Any, dict[str, Any]]] = []
        self.first = of_machine()
        self.language: gr.Radio

    def new(self, kind: Callable[..., C], **props: Any) -> C:
        """A component whose props (label, info, value, choices...) may be `Key`s; they follow the language."""
        component = kind(**{prop: _said(value, self.first) for prop, value in props.items()})
        keyed = {prop: value for prop, value in props.items() if _said(value, self.first) is not value}
        if keyed:
            self._bound.append((component, keyed))
        return component

    def switch(self) -> gr.Radio:
        """The page's language radio, of which there is one."""
        choices = [(_NAMES[language], language) for language in LANGUAGES]
        self.language = self.new(
            gr.Radio,
            choices=choices,
            value=self.first,
            label=Key("app.language"),
            show_label=False,
            container=False,
            elem_id="language",
        )
        return self.language

    def updates(self, language: str) -> list[Any]:
        """One update per translatable component, in the order of `components`."""
        return [
            gr.update(**{prop: _said(value, language) for prop, value in keyed.items()}) for _, keyed in self._bound
        ]

    @property
    def components(self) -> list[Any]:
        return [component for component, _ in self._bound]

    def wire(self, demo: gr.Blocks, **quiet: Any) -> Any:
        """Follow the radio, remember it in the browser, and begin with the visitor's own language.

        Returns the event to go on from once that language is known.
        """
        remembered = gr.BrowserState(None, storage_key=_STORED, secret=_STORED)
        self.language.change(
            lambda language: [language, *self.updates(language)],
            self.language,
            [remembered, *self.components],
            **quiet,
        )
        return demo.load(_first_language, remembered, self.language, **quiet)


def of_machine(variables: Mapping[str, str] = os.environ) -> str:
    """The language of this machine's locale, which is mostly its visitor's: his page is right before it asks him."""
    told = next((variables[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if variables.get(name)), "C").lower()
    if told.split(".")[0] in ("c", "posix"):
        return DEFAULT
    return next((language for language in LANGUAGES if told.startswith(language)), "en")


def preferred(accept_language: str | None) -> str:
    """The language of an Accept-Language header: the first of ours it names; English for anybody else's."""
    if not accept_language:
        return DEFAULT
    wanted = []
    for part in accept_language.split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            wanted.append((-float(weight or 1), tag.lower().split("-")[0]))
        except ValueError:
            continue
    ours = [tag for _, tag in sorted(wanted, key=lambda item: item[0]) if tag in LANGUAGES]
    return ours[0] if ours else "en"


def _first_language(remembered: str | None, request: gr.Request) -> str:
    return remembered if remembered in LANGUAGES else preferred(request.headers.get("accept-language"))


def _said(value: Any, language: str) -> Any:
    """`value` with every Key in it said; the very same object when it holds none."""
    if isinstance(value, Key):
        return value.said(language)
    if isinstance(value, list) and any(isinstance(item, tuple) and isinstance(item[0], Key) for item in value):
        return [(_said(label, language), choice) for label, choice in value]
    return value
