"""A conversation with its buttons: asked, answered piece by piece, stopped, repeated, cleared. Whose, the tab says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from typing import Any

import gradio as gr

from serving.engine import Message, Sampling
from serving.stage import Stage
from serving.visitors import Visitors
from training import hosted, runs
from training.errors import UserError
from training.sentences import sentence
from ui.caller import caller
from ui.conversation import Turn, answered, fetching, folder_of, label, sees, shown
from ui.edge import PRIVATE, QUIET, told, warning
from ui.picture_box import kept
from ui.talk_pane import Pane
from ui.text import Text


def wire_talk(
    text: Text,
    stage: Stage,
    pane: Pane,
    model: gr.Component,
    settings: dict[str, Any],
    visitors: Visitors | None = None,
) -> None:
    """Let the model that `model` names answer; where there are `visitors`, the hosted one, within their limits."""

    @told
    def answer(
        language: str, request: gr.Request, turn: Turn, said: list[Message], chosen: str | None, *entered: Any
    ) -> Iterator[dict[Any, Any]]:
        question, turn.model = turn.asked, chosen or ""
        yield {pane.status: gr.skip()}  # Gradio empties every output of a generator that yields nothing
        if not turn.begin():
            return
        try:
            who = hosted.model() if visitors else chosen
            entries = dict(zip(settings, entered, strict=True))
            with visitors.place(caller(request.client.host)) if visitors else nullcontext() as ahead:
                for updates in _answer(pane, stage, language, said, who, entries, visitors, ahead):
                    if question <= turn.closed:
                        break  # stopped, or something else was asked
                    yield updates
            if question == turn.cleared == turn.asked:  # its last piece may reach the page after the clearing did
                yield {pane.said: [], pane.chat: []}
        finally:
            turn.close(question)

    asking = [text.language, pane.turn, pane.said, model, pane.message, pane.picture.value]
    said_and_settings = [text.language, pane.turn, pane.said, model, *settings.values()]
    # Visitors stand in a line of our own, which can tell how many stand before them.
    turns: dict[str, Any] = (
        {"concurrency_limit": None} if visitors else {"concurrency_id": "gpu", "concurrency_limit": 1}
    )
    for trigger, ask in _asking(pane, visitors):
        asked = trigger(
            told(ask),
            asking,
            pane.outputs,
            trigger_mode="multiple",  # else the question of somebody quick is dropped while the one before is taken
            **PRIVATE,
        )
        answers = asked.then(answer, said_and_settings, pane.outputs, **turns, **PRIVATE)
        answers.then(lambda turn: gr.skip() if turn.open else _idle(pane), pane.turn, pane.outputs, **QUIET)

    def stop(turn: Turn) -> dict[Any, Any]:
        turn.close()
        return _idle(pane)

    def clear(turn: Turn, said: list[Message]) -> dict[Any, Any]:
        turn.clear()
        pane.forget(said)
        return {**_idle(pane), pane.said: [], pane.chat: []}

    pane.stop.click(stop, pane.turn, pane.outputs, **QUIET)

    def switched(turn: Turn, said: list[Message], chosen: str | None) -> dict[Any, Any]:
        # The list is renewed whenever the tab is opened; only another model ends the conversation.
        ended = clear(turn, said) if turn.model and chosen != turn.model else {}
        return {**ended, **pane.showing(sees(chosen))}

    pane.clear.click(clear, [pane.turn, pane.said], pane.outputs, **QUIET)
    if isinstance(model, gr.Dropdown):
        model.change(switched, [pane.turn, pane.said, model], [*pane.outputs, *pane.seeing], **QUIET)


def _answer(
    pane: Pane,
    stage: Stage,
    language: str,
    said: list[Message],
    model: str | None,
    settings: dict[str, Any],
    visitors: Visitors | None,
    ahead: Callable[[], int] | None,
) -> Iterator[dict[Any, Any]]:
    """Updates that show the answer as it comes in, and what it waits for until then: `ahead` tells how many."""
    if not said or said[-1]["role"] != "user":
        return  # nothing was asked
    if not model:
        raise UserError("model_not_chosen")
    sampling = Sampling(**{name: value for name, value in settings.items() if name != "system"})
    system = settings["system"] or ""
    if visitors:
        sampling = visitors.granted(sampling, system)
    before: list[Message] = [{"role": "system", "content": system}] if system.strip() else []
    for note in fetching(model, language):
        yield {pane.status: note}
    folder = folder_of(model)
    if folder not in stage.folders:
        yield {pane.status: sentence("chat.loading", language)}
    with closing(answered(stage.use(folder), [*before, *said], sampling)) as parts:
        for part in parts:
            whole: list[Message] = [*said, {"role": "assistant", "content": part}]
            if part:
                yield {pane.said: whole, pane.chat: shown(whole), pane.status: ""}
            else:
                waiting = ahead() if ahead else 0
                yield {pane.status: sentence("chat.ahead", language, count=waiting) if waiting else gr.skip()}


_Ask = Callable[[str, Turn, list[Message], str | None, str | None, str | None], Any]


def _asking(pane: Pane, visitors: Visitors | None) -> list[tuple[Callable[..., Any], _Ask]]:
    """Each way to ask, with its handler (language, turn, conversation, model, typed message, picture) -> updates."""

    def asked(
        language: str, turn: Turn, said: list[Message], chosen: str | None, question: str, sent: str | None
    ) -> dict[Any, Any]:
        if visitors:
            visitors.admit(turn.recent, question)
        who = hosted.model() if visitors else chosen
        if sent and who and not sees(who):
            raise UserError("model_without_eyes", model=label(who, language))
        images = kept(sent, pane.album)
        message: Message = {"role": "user", "content": question}
        whole: list[Message] = [*said, {**message, "images": images} if images else message]
        return {**_open(pane, turn, whole, language), pane.picture.value: ""}

    def typed(
        language: str, turn: Turn, said: list[Message], chosen: str | None, message: str | None, sent: str | None
    ) -> Any:
        if message and message.strip():
            return {**asked(language, turn, said, chosen, message, sent), pane.message: ""}
        if sent:
            raise UserError("picture_without_question")
        return gr.skip()

    def again(language: str, turn: Turn, said: list[Message], *_others: str | None) -> Any:
        said = said[:-1] if said and said[-1]["role"] == "assistant" else said
        if not said:
            return gr.skip()
        if visitors:
            visitors.admit(turn.recent, said[-1]["content"])
        return _open(pane, turn, said, language)

    def suggested(name: str) -> _Ask:
        def ask(
            language: str, turn: Turn, said: list[Message], chosen: str | None, _message: str | None, sent: str | None
        ) -> Any:
            return asked(language, turn, said, chosen, sentence(f"chat.ask_{name}", language), sent)

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
        pane.chat: shown(said),
        pane.status: sentence("chat.thinking", language),
        pane.stop: gr.update(interactive=True),
    }


def _idle(pane: Pane) -> dict[Any, Any]:
    return {pane.status: "", pane.stop: gr.update(interactive=False)}
