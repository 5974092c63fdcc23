"""Each way to ask in a conversation: typed, again, or as suggested; with a picture, where the model has eyes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from serving.engine import Message
from serving.visitors import Visitors
from training import hosted, runs
from training.errors import UserError
from training.sentences import sentence
from ui.conversation import Turn, label, sees, shown
from ui.edge import warning
from ui.picture_box import kept
from ui.talk_pane import Pane


def talk_of(request: gr.Request) -> str:
    """What the album knows a visitor's talk by."""
    return request.session_hash or ""


_Ask = Callable[[str, gr.Request, Turn, list[Message], str | None, str | None, str | None], Any]


def asking(pane: Pane, visitors: Visitors | None) -> list[tuple[Callable[..., Any], _Ask]]:
    """Each way to ask, with its handler: (language, request, turn, conversation, model, message, picture) -> updates.

    Where there are `visitors`, the hosted model is asked, within their limits.
    """

    def asked(
        language: str,
        request: gr.Request,
        turn: Turn,
        said: list[Message],
        chosen: str | None,
        question: str,
        sent: str | None,
    ) -> dict[Any, Any]:
        if visitors:
            visitors.admit(turn.recent, question)
        who = hosted.model() if visitors else chosen
        if sent and who and not sees(who):
            raise UserError("model_without_eyes", model=label(who, language))
        images = kept(sent, pane.album, talk_of(request))
        message: Message = {"role": "user", "content": question}
        whole: list[Message] = [*said, {**message, "images": images} if images else message]
        return {**_open(pane, turn, whole, language), pane.picture.value: ""}

    def typed(
        language: str,
        request: gr.Request,
        turn: Turn,
        said: list[Message],
        chosen: str | None,
        message: str | None,
        sent: str | None,
    ) -> Any:
        if message and message.strip():
            return {**asked(language, request, turn, said, chosen, message, sent), pane.message: ""}
        if sent:
            raise UserError("picture_without_question")
        return gr.skip()

    def again(language: str, _request: gr.Request, turn: Turn, said: list[Message], *_others: str | None) -> Any:
        said = said[:-1] if said and said[-1]["role"] == "assistant" else said
        if not said:
            return gr.skip()
        if visitors:
            visitors.admit(turn.recent, said[-1]["content"])
        return _open(pane, turn, said, language)

    def suggested(name: str) -> _Ask:
        def ask(
            language: str,
            request: gr.Request,
            turn: Turn,
            said: list[Message],
            chosen: str | None,
            _message: str | None,
            sent: str | None,
        ) -> Any:
            return asked(language, request, turn, said, chosen, sentence(f"chat.ask_{name}", language), sent)

        return ask

    suggestions = [(button.click, suggested(name)) for name, button in pane.suggestions]
    return [(pane.send.click, typed), (pane.message.submit, typed), (pane.retry.click, again), *suggestions]


def _open(pane: Pane, turn: Turn, said: list[Message], language: str) -> dict[Any, Any]:
    """Updates that show the conversation with its open question; says once that a training run slows both down."""
    if not turn.warned and runs.active():
        warning(sentence("chat.training", language))
        turn.warned = True
    turn.ask()
    return {
        pane.said: said,
        pane.chat: shown(said, language),
        pane.status: sentence("chat.thinking", language),
        pane.stop: gr.update(interactive=True),
    }


def idle(pane: Pane) -> dict[Any, Any]:
    return {pane.status: "", pane.stop: gr.update(interactive=False)}
