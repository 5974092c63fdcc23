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
from ui.confirm import Confirm
from ui.draft import Draft
from ui.edge import PRIVATE, QUIET, told
from ui.recipe_form import recipe_of
from ui.run_actions import queueing
from ui.text import Key, Text
from ui.visibility import HIDDEN


@dataclass(frozen=True)
class ConfigPane:
    """The pane's components."""

    words: gr.Textbox
    name: gr.Dropdown
    open: gr.Button
    kind: gr.Markdown
    editor: gr.Code
    check: gr.Button
    start: gr.Button
    result: gr.HTML
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
            diff = gr.Code(show_label=False, language=None, interactive=False, elem_classes="code")
    draft = Draft("config", {"words": words, "editor": editor})
    return ConfigPane(words, name, opening, kind, editor, check, start, result, diff, question, draft)


def wire_opening(text: Text, pane: ConfigPane, chosen: list[Any]) -> None:
    """`chosen`: model, dataset and the settings of the form."""

    @told
    def search(language: str, words: str | None) -> Any:
        found = built_in_configs.names(words or "")
        label = f"{sentence('configs.choose', language)} ({sentence('configs.found', language, count=len(found))})"
        return gr.update(choices=found, value=found[0] if found else None, label=label)

    @told
    def opened(language: str, name: str | None, model: str | None, data: str | None, *entered: Any) -> dict[Any, Any]:
        if not model or not data:
            raise UserError("suggestion_needs_choices")
        raw = built_in_configs.read(name or "")
        fitted = built_in_configs.fitted(raw, fit(data, model, recipe_of(entered, language)))
        kind = built_in_configs.kind(fitted)
        return {
            pane.editor: fitted,
            pane.kind: gr.update(value=sentence(f"configs.kind_{kind}", language), visible=True),
            pane.start: gr.update(interactive=kind == built_in_configs.STARTABLE),
            pane.result: gr.update(visible=HIDDEN),
            pane.diff: built_in_configs.changes(name or "", fitted),
        }

    @told
    def checked(
        language: str, config: str | None, _model: str | None, _data: str | None, *entered: Any
    ) -> Iterator[dict[Any, Any]]:
        try:
            yield {pane.result: _line("configs.checking", language), pane.check: gr.update(interactive=False)}
            facts = config_check.check(config or "")
            recipe = facts.recipe(recipe_of(entered, language))
            yield {pane.result: gr.update(value=facts_html(facts, recipe.steps, language), visible=True)}
        except UserError as error:
            said = f'<p class="bad">{escape(error.sentence(language))}</p>'
            yield {pane.result: gr.update(value=said, visible=True)}
        finally:
            yield {pane.check: gr.update(interactive=True)}

    @told
    def compared(_language: str, name: str | None, config: str | None) -> str:
        return built_in_configs.changes(name, config or "") if name else ""

    pane.words.change(search, [text.language, pane.words], pane.name, trigger_mode="always_last", **QUIET)
    pane.name.focus(search, [text.language, pane.words], pane.name, **QUIET)
    pane.open.click(
        opened,
        [text.language, pane.name, *chosen],
        [pane.editor, pane.kind, pane.start, pane.result, pane.diff],
        **PRIVATE,
    )
    pane.check.click(
        checked,
        [text.language, pane.editor, *chosen],
        [pane.result, pane.check],
        concurrency_limit=4,
        trigger_mode="once",
        **PRIVATE,
    )
    pane.editor.blur(compared, [text.language, pane.name, pane.editor], pane.diff, **QUIET)


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
