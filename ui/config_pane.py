"""XTuner's own configs on the page: search one, open it fitted to what is chosen above, edit it, check it, start it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from training import built_in_configs, config_check
from training.config_check import Facts
from training.config_commands import fit
from training.errors import UserError
from training.sentences import sentence
from ui.at_work import at_work
from ui.confirm import Confirm
from ui.draft import Draft
from ui.edge import PRIVATE, QUIET, bad_html, told
from ui.recipe_form import recipe_of
from ui.run_actions import queueing
from ui.text import Key, Text
from ui.visibility import HIDDEN

Found = tuple[Facts, int] | UserError
"""What a check found: what the config would train, in so many steps; or what is wrong with it."""


@dataclass(frozen=True)
class ConfigPane:
    """The pane's components."""

    words: gr.Textbox
    name: gr.Dropdown
    open: gr.Button
    kind: gr.Markdown
    opened: gr.Textbox
    """The config that the editor's text began as."""
    editor: gr.Code
    check: gr.Button
    start: gr.Button
    result: gr.HTML
    found: gr.State
    """What the check found, as Found | None."""
    checked: gr.State
    """The text that it was found of."""
    diff: gr.Code
    question: Confirm
    draft: Draft


def config_pane(text: Text) -> ConfigPane:
    """Make the pane here; wire_opening() and starting.py connect it."""
    with text.new(gr.Accordion, label=Key("configs.title"), open=False, elem_classes="card"):
        text.new(gr.Markdown, value=Key("configs.info"), elem_classes="card-text")
        with gr.Row(elem_classes="actions", equal_height=True):
            words = text.new(
                gr.Textbox, label=Key("configs.search"), placeholder=Key("configs.search_example"), max_lines=1
            )
            name = text.new(gr.Dropdown, label=Key("configs.choose"), choices=[], filterable=False)
            opening = text.new(gr.Button, value=Key("configs.open"), size="sm", scale=0, min_width=110)
        kind = gr.Markdown(visible=HIDDEN, elem_classes="plan")
        opened = gr.Textbox(visible=HIDDEN)
        editor = text.new(
            gr.Code, label=Key("configs.editor"), language="python", interactive=True, max_lines=40, elem_classes="code"
        )
        with gr.Row(elem_classes="actions"):
            check = text.new(gr.Button, value=Key("configs.check"), size="sm", scale=0, min_width=110)
            start = text.new(
                gr.Button, value=Key("configs.start"), variant="primary", size="sm", scale=0, min_width=190
            )
        question = queueing(text)
        result = gr.HTML(visible=HIDDEN)
        with text.new(gr.Accordion, label=Key("configs.diff"), open=False):
            shown = {"show_label": False, "language": None, "interactive": False, "elem_classes": "code"}
            diff = text.new(gr.Code, label=Key("configs.diff"), **shown)
    draft = Draft("config", {"words": words, "opened": opened, "editor": editor})
    found = (result, gr.State(None), gr.State(None))
    return ConfigPane(words, name, opening, kind, opened, editor, check, start, *found, diff, question, draft)


def wire_opening(text: Text, pane: ConfigPane, chosen: list[Any]) -> dict[str, Any]:
    """`chosen`: model, dataset and the settings of the form.

    Returns the arguments of the event that says what was opened, for whatever brings it back.
    """

    @told
    def search(language: str, words: str | None) -> Any:
        offered = _offered(language, words)
        return gr.update(**offered, value=next(iter(offered["choices"]), None))

    @told
    def offer(language: str, words: str | None) -> Any:
        return gr.update(**_offered(language, words))

    @told
    def opened(language: str, name: str | None, model: str | None, data: str | None, *entered: Any) -> dict[Any, Any]:
        if not model or not data:
            raise UserError("suggestion_needs_choices")
        raw = built_in_configs.read(name or "")
        fitted = built_in_configs.fitted(raw, fit(data, model, recipe_of(entered, language)))
        return {
            pane.opened: name,
            pane.editor: fitted,
            pane.result: gr.update(visible=HIDDEN),
            pane.found: None,
            **_described(pane, str(name), fitted, language),
        }

    @told
    def describe(language: str, name: str | None, config: str | None, found: Found | None) -> Any:
        described = _described(pane, name, config or "", language) if name else {}
        return {**described, pane.result: _result(found, language) if found else gr.skip()}

    @told
    def checked(
        language: str, config: str | None, _model: str | None, _data: str | None, *entered: Any
    ) -> Iterator[dict[Any, Any]]:
        yield {pane.result: _line("configs.checking", language), pane.found: None}
        try:
            facts = config_check.check(config or "")
            found: Found = (facts, facts.recipe(recipe_of(entered, language)).steps)
        except UserError as error:
            found = error
        except Exception:
            yield {pane.result: gr.update(visible=HIDDEN)}
            raise
        yield {pane.result: _result(found, language), pane.found: found, pane.checked: config}

    @told
    def compared(
        _language: str, name: str | None, config: str | None, found: Found | None, checked: str | None
    ) -> dict[Any, Any]:
        updates: dict[Any, Any] = {pane.diff: built_in_configs.changes(name, config or "") if name else ""}
        if found and config != checked:  # found of another text
            updates |= {pane.result: gr.update(visible=HIDDEN), pane.found: None}
        return updates

    pane.words.change(search, [text.language, pane.words], pane.name, trigger_mode="always_last", **QUIET)
    pane.name.focus(offer, [text.language, pane.words], pane.name, **QUIET)
    pane.open.click(
        opened,
        [text.language, pane.name, *chosen],
        [pane.opened, pane.editor, pane.result, pane.found, pane.kind, pane.start, pane.diff],
        **PRIVATE,
    )
    checking = {"fn": checked, "inputs": [text.language, pane.editor, *chosen], "concurrency_limit": 4, **PRIVATE}
    checking["outputs"] = [pane.result, pane.found, pane.checked]
    at_work(text, pane.check, "configs.check", "configs.check", pane.check.click, **checking)
    written = [text.language, pane.opened, pane.editor, pane.found, pane.checked]
    pane.editor.blur(compared, written, [pane.diff, pane.result, pane.found], **QUIET)
    event: dict[str, Any] = {
        "fn": describe,
        "inputs": [text.language, pane.opened, pane.editor, pane.found],
        "outputs": [pane.result, pane.kind, pane.start, pane.diff],
        **QUIET,
    }
    text.language.change(**event)
    return event


def _offered(language: str, words: str | None) -> dict[str, Any]:
    found = built_in_configs.names(words or "")
    label = f"{sentence('configs.choose', language)} ({sentence('configs.found', language, count=len(found))})"
    return {"choices": found, "label": label}


def _described(pane: ConfigPane, name: str, config: str, language: str) -> dict[Any, Any]:
    """Updates that say what the opened config is for, and what was changed in it."""
    kind = built_in_configs.kind(built_in_configs.read(name))
    return {
        pane.kind: gr.update(value=sentence(f"configs.kind_{kind}", language), visible=True),
        pane.start: gr.update(interactive=kind == built_in_configs.STARTABLE),
        pane.diff: built_in_configs.changes(name, config),
    }


def _result(found: Found, language: str) -> Any:
    if isinstance(found, UserError):
        return gr.update(value=bad_html(found.sentence(language)), visible=True)
    return gr.update(value=facts_html(*found, language), visible=True)


def _line(key: str, language: str) -> Any:
    return gr.update(value=f"<p>{escape(sentence(key, language))}</p>", visible=True)


def facts_html(facts: Facts, steps: int, language: str) -> str:
    """What the config would train, and its first sequence with what is learned marked."""
    said = sentence(
        "configs.good",
        language,
        method=sentence(f"train.method_{facts.method}", language),
        steps=steps,
        batch=facts.batch_size,
        accumulation=facts.accumulation,
        length=facts.max_length,
        rate=f"{facts.learning_rate:g}",
        rows=facts.rows,
    )
    pieces = "".join(f"<mark>{escape(piece)}</mark>" if learned else escape(piece) for piece, learned in facts.example)
    return f"<p>{escape(said)}</p><p>{escape(sentence('configs.example', language))}</p><pre>{pieces}</pre>"
