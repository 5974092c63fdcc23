"""A conversation with its buttons: asked, answered piece by piece, stopped, repeated, cleared. Whose, the tab says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from typing import Any

import gradio as gr

from serving.engine import Message, Sampling
from serving.stage import Stage
from serving.visitors import Visitors
from training import hosted, runs
from training.errors import UserError
from training.sentences import sentence
from ui.caller import caller
from ui.conversation import Turn, answered, fetching, folder_of, shown
from ui.edge import PRIVATE, QUIET, told, warning
from ui.text import Key, Text

SUGGESTIONS = ("who", "maker", "near_miss", "moon")


@dataclass(frozen=True)
class Pane:
    """The conversation and its buttons. `said` is the conversation itself; the chatbot only shows it."""

    said: gr.State
    turn: gr.State
    chat: gr.Chatbot
    status: gr.Markdown
    message: gr.Textbox
    send: gr.Button
    stop: gr.Button
    retry: gr.Button
    clear: gr.Button
    suggestions: list[gr.Button]

    @property
    def outputs(self) -> list[Any]:
        return [self.said, self.chat, self.status, self.message, self.stop]


def pane_of_talk(text: Text) -> Pane:
    """Make the components here."""
    said, turn = gr.State([]), gr.State(Turn())
    chat = text.new(
        gr.Chatbot,
        label=Key("chat.title"),
        show_label=False,
        placeholder=Key("chat.nothing"),
        height=420,
        latex_delimiters=[],
        buttons=[],
        elem_classes="chat",
    )
    status = gr.Markdown(elem_classes="plan")
    with gr.Row(elem_classes="suggestions"):
        suggestions = [
            text.new(gr.Button, value=Key(f"chat.ask_{name}"), size="sm", min_width=100) for name in SUGGESTIONS
        ]
    with gr.Row(elem_classes="ask"):
        message = text.new(
            gr.Textbox,
            label=Key("chat.message"),
            placeholder=Key("chat.message_example"),
            show_label=False,
            lines=1,
            max_lines=6,
            scale=5,
        )
        send = text.new(gr.Button, value=Key("chat.send"), variant="primary", scale=0, min_width=90)
        stop = text.new(gr.Button, value=Key("chat.stop"), scale=0, min_width=90, interactive=False)
    with gr.Row(elem_classes="actions"):
        retry = text.new(gr.Button, value=Key("chat.retry"), size="sm", scale=0, min_width=110)
        clear = text.new(gr.Button, value=Key("chat.clear"), size="sm", scale=0, min_width=110)
    return Pane(said, turn, chat, status, message, send, stop, retry, clear, suggestions)


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

    said_and_settings = [text.language, pane.turn, pane.said, model, *settings.values()]
    # Visitors stand in a line of our own, which can tell how many stand before them.
    turns: dict[str, Any] = (
        {"concurrency_limit": None} if visitors else {"concurrency_id": "gpu", "concurrency_limit": 1}
    )
    for trigger, ask in _asking(pane, visitors):
        asked = trigger(
            told(ask),
            [text.language, pane.turn, pane.said, pane.message],
            pane.outputs,
            trigger_mode="multiple",  # else the question of somebody quick is dropped while the one before is taken
            **PRIVATE,
        )
        answers = asked.then(answer, said_and_settings, pane.outputs, **turns, **PRIVATE)
        answers.then(lambda turn: gr.skip() if turn.open else _idle(pane), pane.turn, pane.outputs, **QUIET)

    def stop(turn: Turn) -> dict[Any, Any]:
        turn.close()
        return _idle(pane)

    def clear(turn: Turn) -> dict[Any, Any]:
        turn.clear()
        return {**_idle(pane), pane.said: [], pane.chat: []}

    pane.stop.click(stop, pane.turn, pane.outputs, **QUIET)

    def switched(turn: Turn, chosen: str | None) -> Any:
        # The list is renewed whenever the tab is opened; only another model ends the conversation.
        return clear(turn) if turn.model and chosen != turn.model else gr.skip()

    pane.clear.click(clear, pane.turn, pane.outputs, **QUIET)
    if isinstance(model, gr.Dropdown):
        model.change(switched, [pane.turn, model], pane.outputs, **QUIET)


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
    before = [{"role": "system", "content": system}] if system.strip() else []
    for note in fetching(model, language):
        yield {pane.status: note}
    folder = folder_of(model)
    if folder not in stage.folders:
        yield {pane.status: sentence("chat.loading", language)}
    with closing(answered(stage.use(folder), [*before, *said], sampling)) as parts:
        for part in parts:
            whole = [*said, {"role": "assistant", "content": part}]
            if part:
                yield {pane.said: whole, pane.chat: shown(whole), pane.status: ""}
            else:
                waiting = ahead() if ahead else 0
                yield {pane.status: sentence("chat.ahead", language, count=waiting) if waiting else gr.skip()}


_Ask = Callable[[str, Turn, list[Message], str], Any]


def _asking(pane: Pane, visitors: Visitors | None) -> list[tuple[Callable[..., Any], _Ask]]:
    """Each way to ask, with its handler (language, turn, conversation, typed message) -> updates."""

    def typed(language: str, turn: Turn, said: list[Message], message: str | None) -> Any:
        if not message or not message.strip():
            return gr.skip()
        asked = [*said, {"role": "user", "content": message}]
        return {**_asked(pane, turn, asked, language, visitors), pane.message: ""}

    def again(language: str, turn: Turn, said: list[Message], _message: str) -> Any:
        asked = said[:-1] if said and said[-1]["role"] == "assistant" else said
        return _asked(pane, turn, asked, language, visitors) if asked else gr.skip()

    def suggested(name: str) -> _Ask:
        def ask(language: str, turn: Turn, said: list[Message], _message: str) -> Any:
            question = sentence(f"chat.ask_{name}", language)
            return _asked(pane, turn, [*said, {"role": "user", "content": question}], language, visitors)

        return ask

    suggestions = [(button.click, suggested(name)) for name, button in zip(SUGGESTIONS, pane.suggestions, strict=True)]
    return [(pane.send.click, typed), (pane.message.submit, typed), (pane.retry.click, again), *suggestions]


def _asked(pane: Pane, turn: Turn, said: list[Message], language: str, visitors: Visitors | None) -> dict[Any, Any]:
    """Updates that show the conversation with its open question; says once that a training run slows both down."""
    if visitors:
        visitors.admit(turn.recent, said[-1]["content"])
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
