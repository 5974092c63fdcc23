"""A conversation with its buttons: asked, answered piece by piece, stopped, repeated, cleared. Whose, the tab says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from typing import Any

import gradio as gr

from serving.album import Album
from serving.engine import Message, Sampling
from serving.stage import Stage
from serving.visitors import Visitors
from training import hosted
from training.errors import UserError
from training.sentences import sentence
from ui.asking import asking, idle, talk_of
from ui.caller import caller
from ui.conversation import Turn, answered, fetching, folder_of, sees, shown
from ui.edge import PRIVATE, QUIET, told
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

    given = [text.language, pane.turn, pane.said, model, pane.message, pane.picture.value]
    said_and_settings = [text.language, pane.turn, pane.said, model, *settings.values()]
    # Visitors stand in a line of our own, which can tell how many stand before them.
    turns: dict[str, Any] = (
        {"concurrency_limit": None} if visitors else {"concurrency_id": "gpu", "concurrency_limit": 1}
    )
    every = {"trigger_mode": "multiple"}  # else the page drops each step that the question before is still in
    for trigger, ask in asking(pane, visitors):
        asked = trigger(told(ask), given, pane.outputs, **every, **PRIVATE)
        answers = asked.then(answer, said_and_settings, pane.outputs, **every, **turns, **PRIVATE)
        answers.then(lambda turn: gr.skip() if turn.open else idle(pane), pane.turn, pane.outputs, **every, **QUIET)

    def stop(turn: Turn) -> dict[Any, Any]:
        turn.close()
        return idle(pane)

    def clear(request: gr.Request, turn: Turn) -> dict[Any, Any]:
        turn.clear()
        pane.album.end(talk_of(request))
        return {**idle(pane), pane.said: [], pane.chat: []}

    pane.stop.click(stop, pane.turn, pane.outputs, **QUIET)

    def switched(request: gr.Request, turn: Turn, chosen: str | None) -> dict[Any, Any]:
        # The list is renewed whenever the tab is opened; only another model ends the conversation.
        ended = clear(request, turn) if turn.model and chosen != turn.model else {}
        return {**ended, **pane.showing(sees(chosen))}

    pane.clear.click(clear, pane.turn, pane.outputs, **QUIET)
    if isinstance(model, gr.Dropdown):
        model.change(switched, [pane.turn, model], [*pane.outputs, *pane.seeing], **QUIET)


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
                yield {pane.said: whole, pane.chat: shown(whole, language), pane.status: ""}
            else:
                waiting = ahead() if ahead else 0
                yield {pane.status: sentence("chat.ahead", language, count=waiting) if waiting else gr.skip()}


def wire_leaving(demo: gr.Blocks, album: Album) -> None:
    """When a visitor has left the page, the pictures of his talk leave too."""

    def left(request: gr.Request) -> None:
        album.end(talk_of(request))

    demo.unload(left)
    next(each for each in demo.fns.values() if each.fn is left).api_visibility = "private"  # unload() cannot be told
