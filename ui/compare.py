"""Before and after: one question answered by the base model, the trained one, and the base with a system prompt.

Each pane is answered by a process that was started with that pane's own folder, and is labelled with the hash of the
weights in it. One after the other: they share the processor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from serving.album import Album
from serving.engine import Message, Sampling
from serving.stage import Stage
from training import models, runs
from training.errors import UserError
from training.sentences import sentence
from ui.cast import Shown, cast, exam_choices, pane_html, unasked
from ui.conversation import Turn, answered, fetching, sees
from ui.edge import PRIVATE, QUIET, told
from ui.picture_box import GROUP, PictureBox, kept, picture_box
from ui.text import Key, Text
from ui.visibility import classes

ROLES = ("base", "tuned", "prompted")
SAMPLING = Sampling(max_tokens=64)
"""Greedy, as in the exam: what differs is the model and not the dice."""


@dataclass(frozen=True)
class _Compare:
    turn: gr.State
    shown: gr.State
    """What each pane shows, as dict[str, Shown]: a switch of the language says it again."""
    roles: gr.CheckboxGroup
    examined: gr.Dropdown
    question: gr.Textbox
    picture: PictureBox
    ask: gr.Button
    stop: gr.Button
    status: gr.Markdown
    columns: dict[str, gr.Column]
    panes: dict[str, gr.HTML]

    @property
    def outputs(self) -> list[Any]:
        return [self.status, self.ask, self.stop, self.shown, *self.panes.values()]

    def drawn(self, shown: dict[str, Shown], language: str) -> dict[Any, Any]:
        """Updates of these panes."""
        return {self.panes[role]: pane_html(role, each, language) for role, each in shown.items()}


def compare(text: Text, stage: Stage, model: gr.Dropdown, album: Album) -> Callable[[Any], None]:
    """Make the components here and wire them; `model` is what is chosen to chat with.

    Returns what wires an event after which the panes shall show who that is: one chosen from the first never changes.
    """
    with gr.Column(elem_id="compare", elem_classes=GROUP):
        made = _components(text, album)
    _wire_asking(text, stage, made, model, album)
    return _wire_choosing(text, made, model)


def _components(text: Text, album: Album) -> _Compare:
    text.new(gr.Markdown, value=Key("compare.title"), elem_classes="section-title")
    text.new(gr.Markdown, value=Key("compare.info"), elem_classes="card-text")
    roles = text.new(
        gr.CheckboxGroup,
        label=Key("compare.panes"),
        choices=[(Key(f"compare.{role}"), role) for role in ROLES],
        value=["base", "tuned"],
        show_label=False,
        container=False,
        elem_classes="inline",
    )
    examined = text.new(gr.Dropdown, label=Key("compare.exam"), choices=[], value=None)
    picture = picture_box(text, album.bounds)
    with gr.Row(elem_classes="ask"):
        question = text.new(
            gr.Textbox,
            label=Key("compare.question"),
            placeholder=Key("compare.question"),
            show_label=False,
            lines=1,
            max_lines=4,
            scale=5,
        )
        ask = text.new(gr.Button, value=Key("compare.ask"), variant="primary", scale=0, min_width=110)
        stop = text.new(gr.Button, value=Key("compare.stop"), scale=0, min_width=160, interactive=False)
    status = gr.Markdown(elem_classes="plan")
    columns, panes = {}, {}
    with gr.Row(equal_height=False):
        for role in ROLES:
            with gr.Column(min_width=220, elem_classes=classes("card compared", role != "prompted")) as columns[role]:
                panes[role] = gr.HTML()
    return _Compare(
        gr.State(Turn()), gr.State({}), roles, examined, question, picture, ask, stop, status, columns, panes
    )


def _wire_choosing(text: Text, made: _Compare, model: gr.Dropdown) -> Callable[[Any], None]:
    @told
    def chosen(language: str, name: str | None, question: str) -> dict[Any, Any]:
        actors = cast(name, question or "") if name and (name in runs.names() or models.place(name).is_dir()) else {}
        shown = {role: unasked(actors, role) for role in ROLES}
        listed = gr.update(choices=exam_choices(name, language), value=None)
        return {
            made.shown: shown,
            **made.drawn(shown, language),
            made.examined: listed,
            **made.picture.showing(sees(name)),
        }

    @told
    def translated(language: str, name: str | None, shown: dict[str, Shown]) -> dict[Any, Any]:
        return {**made.drawn(shown, language), made.examined: gr.update(choices=exam_choices(name, language))}

    def wished(wanted: list[str]) -> list[Any]:
        return [gr.update(elem_classes=classes("card compared", role in wanted)) for role in ROLES]

    panes = [*made.panes.values(), made.examined]
    outputs = [made.shown, *panes, *made.picture.seeing]
    seeing = [text.language, model, made.question]
    model.change(chosen, seeing, outputs, **QUIET)
    text.language.change(translated, [text.language, model, made.shown], panes, **QUIET)
    made.roles.input(wished, made.roles, list(made.columns.values()), trigger_mode="always_last", **QUIET)
    made.examined.input(
        lambda question: question or gr.skip(), made.examined, made.question, trigger_mode="always_last", **QUIET
    )
    return lambda opened: opened.then(chosen, seeing, outputs, **QUIET)


def _wire_asking(text: Text, stage: Stage, made: _Compare, model: gr.Dropdown, album: Album) -> None:
    @told
    def begin(language: str, turn: Turn, name: str | None, question: str) -> dict[Any, Any]:
        if not name:
            raise UserError("model_not_chosen")
        if not (question or "").strip():
            raise UserError("message_empty")
        turn.ask()
        busy = {made.ask: gr.update(interactive=False), made.stop: gr.update(interactive=True)}
        return {made.status: sentence("chat.thinking", language), **busy}

    @told
    def answer(
        language: str,
        turn: Turn,
        shown: dict[str, Shown],
        name: str,
        question: str,
        sent: str | None,
        wanted: list[str],
    ) -> Iterator[dict[Any, Any]]:
        yield {made.status: gr.skip()}  # Gradio empties every output of a generator that yields nothing
        number = turn.asked
        if not turn.open:
            return
        images: list[str] = []
        try:
            images = kept(sent, album)
            asked: Message = {"role": "user", "content": question}
            message: Message = {**asked, "images": images} if images else asked
            for updates in _answers(made, stage, language, name, message, wanted, shown):
                if number <= turn.closed:
                    return
                yield updates
        finally:
            album.drop(images)
            turn.close(number)

    def idle() -> dict[Any, Any]:
        return {made.status: "", made.ask: gr.update(interactive=True), made.stop: gr.update(interactive=False)}

    def stopped(turn: Turn) -> dict[Any, Any]:
        turn.close()
        return idle()

    begun = gr.on(
        [made.ask.click, made.question.submit],
        begin,
        [text.language, made.turn, model, made.question],
        made.outputs,
        **PRIVATE,
    )
    asked = [text.language, made.turn, made.shown, model, made.question, made.picture.value, made.roles]
    every = {"trigger_mode": "multiple"}  # else the page drops each step that the question before is still in
    answers = begun.then(answer, asked, made.outputs, concurrency_id="gpu", concurrency_limit=1, **every, **PRIVATE)
    answers.then(lambda turn: gr.skip() if turn.open else idle(), made.turn, made.outputs, **every, **QUIET)
    made.stop.click(stopped, made.turn, made.outputs, **QUIET)


def _answers(
    made: _Compare,
    stage: Stage,
    language: str,
    name: str,
    message: Message,
    wanted: list[str],
    shown: dict[str, Shown],
) -> Iterator[dict[Any, Any]]:
    """Updates of the panes, one after the other; `shown` is what they show before."""
    for note in fetching(name, language):
        yield {made.status: note}
    actors = cast(name, message["content"])
    shown = {**shown, **{role: unasked(actors, role, "turn") for role in wanted}}

    def says(role: str, now: Shown) -> dict[Any, Any]:
        shown[role] = now
        return {made.shown: dict(shown), **made.drawn({role: now}, language), made.status: ""}

    yield {made.shown: dict(shown), **made.drawn(shown, language), made.status: ""}
    for role in (role for role in ROLES if role in wanted and role in actors):
        actor = actors[role]
        if message.get("images") and not models.has_eyes(actor.folder):
            yield says(role, Shown(actor, waiting="blind"))
            continue
        if actor.folder not in stage.folders:
            yield {made.status: sentence("chat.loading", language)}
        before: list[Message] = [{"role": "system", "content": actor.system}] if actor.system else []
        turn = [*before, message]
        part = ""
        with closing(answered(stage.use(actor.folder), turn, SAMPLING)) as parts:
            for part in parts:
                yield says(role, Shown(actor, part)) if part else {made.status: gr.skip()}
        if not part:
            yield says(role, Shown(actor, ""))
