"""Two languages, switched live: components are made with keys instead of strings, and one radio changes them all.

gr.I18n follows the browser's locale and cannot be switched from the page; therefore this room. A switch sends labels,
never values, so nothing typed is lost. Texts that depend on data are not covered: their tabs render them again, with
the language as an input (`text.language.change(...)`). A page arrives in its visitor's language (ui/arrival.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import gradio as gr

from training.sentences import LANGUAGES, sentence

DEFAULT = "zh"
_NAMES = {"zh": "中文", "en": "English"}
COOKIE = "assistant-studio-language"
_SPOKEN = "document.documentElement.lang = language;"
"""By which a screen reader knows how to pronounce the page."""

C = TypeVar("C")
Said = Callable[[str], dict[str, Any]]
"""Props of a component in a language."""


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
        self._switched: list[tuple[Any, Said]] = []
        self._begun: list[tuple[Any, Said]] = []
        self._props: dict[str, dict[int, dict[str, Any]]] = {}
        self.first = DEFAULT
        self.language: gr.Radio

    def new(self, kind: Callable[..., C], **props: Any) -> C:
        """A component whose props (label, info, value, choices...) may be `Key`s; they follow the language."""
        keyed = {prop: value for prop, value in props.items() if _said(value, self.first) is not value}
        plain = {prop: value for prop, value in props.items() if prop not in keyed}

        def said(language: str) -> dict[str, Any]:
            return {prop: _said(value, language) for prop, value in keyed.items()}

        component = self.begin(kind, said, **plain)
        if keyed:
            self._switched.append((component, said))
        return component

    def begin(self, kind: Callable[..., C], said: Said, **props: Any) -> C:
        """A component that only begins as `said`: what it says later depends on data, and is another's business."""
        component = kind(**props, **said(self.first))
        self._begun.append((component, said))
        return component

    def takes_back(self, component: Any, **props: Any) -> None:
        """Let a switch of the language bring these props: what the component says is still in the other one."""
        self._switched.append((component, lambda _language: props))

    def switch(self) -> gr.Radio:
        """The page's language radio, of which there is one."""
        self.language = self.new(
            gr.Radio,
            choices=[(_NAMES[language], language) for language in LANGUAGES],
            value=self.first,
            label=Key("app.language"),
            show_label=False,
            container=False,
            elem_id="language",
        )
        self._begun.append((self.language, lambda language: {"value": language}))
        return self.language

    def updates(self, language: str) -> list[Any]:
        """One update per component that follows the language, in the order of `components`."""
        return [gr.update(**said(language)) for _, said in self._switched]

    @property
    def components(self) -> list[Any]:
        return [component for component, _ in self._switched]

    def wire(self, demo: gr.Blocks, **quiet: Any) -> Any:
        """Follow the radio, and remember it in the browser. Returns the event of the page's being opened."""
        self.language.change(
            self.updates,
            self.language,
            self.components,
            js=f"language => {{ document.cookie = `{COOKIE}=${{language}};path=/;max-age=31536000;samesite=lax`;"
            f" {_SPOKEN} return language; }}",
            **quiet,
        )
        # Two events: one with a function and inputs at the load makes Gradio 6.17's tab bar measure itself without
        # end, which takes half a core. Without a function nothing could go on from it.
        demo.load(None, self.language, None, js=f"language => {{ {_SPOKEN} }}", **quiet)
        return demo.load(lambda: None, None, None, **quiet)

    def props(self, language: str) -> dict[int, dict[str, Any]]:
        """What of each component's config the language decides, by the component's number; made once."""
        if language not in self._props:
            found: dict[int, dict[str, Any]] = {}
            for component, said in self._begun:
                props = said(language)
                made = type(component)(**props, render=False).get_config()
                found.setdefault(component._id, {}).update({prop: made[prop] for prop in props})
            self._props[language] = found
        return self._props[language]


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


def _said(value: Any, language: str) -> Any:
    """`value` with every Key in it said; the very same object when it holds none."""
    if isinstance(value, Key):
        return value.said(language)
    if isinstance(value, list) and any(isinstance(item, tuple) and isinstance(item[0], Key) for item in value):
        return [(_said(label, language), choice) for label, choice in value]
    return value
