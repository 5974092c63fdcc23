"""The page: a header with the language switch, the three tabs, and the wires between them."""

from __future__ import annotations

from typing import Any

import gradio as gr

from serving.stage import Stage
from training import dataset
from training.sentences import sentence
from ui import endpoints
from ui.arrival import Page
from ui.chat_tab import ChatTab, chat_tab
from ui.choosing import offered
from ui.dataset_tab import DatasetTab, dataset_tab
from ui.edge import PRIVATE, QUIET, told
from ui.live_view import Looking, run_choices
from ui.preview import View
from ui.run_panel import first_run
from ui.talk import wire_leaving
from ui.text import Key, Text
from ui.train_tab import TrainTab, train_tab


def page(stage: Stage) -> gr.Blocks:
    """The whole page, not launched yet."""
    text = Text()
    title = " · ".join(sentence("app.title", language) for language in ("zh", "en"))
    with Page(title=title, analytics_enabled=False, fill_width=False) as demo:
        demo.text = text
        with gr.Row(elem_id="header"):
            text.new(gr.Markdown, value=Key("app.heading"), elem_id="heading")
            text.switch()
        # The tabs are called the same in both languages: once a label is changed, Gradio 6.17's tab bar measures itself
        # without end and takes a whole core of the visitor's machine, on which he may be training.
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab(sentence("app.tab_dataset", text.first), id="dataset") as first:
                datasets = dataset_tab(text)
            with gr.Tab(sentence("app.tab_train", text.first), id="train") as second:
                training = train_tab(text, stage)
            with gr.Tab(sentence("app.tab_chat", text.first), id="chat") as third:
                chatting = chat_tab(text, stage)
        for draft in (*datasets.drafts, *training.drafts):
            draft.stored.render()
        wire_leaving(demo, chatting.album)
        endpoints.wire(stage)
        opened = text.wire(demo, **QUIET)
        chatting.opened(opened)
        _wire_opening(text, opened, [first, second, third], datasets, training, chatting)
        _wire_next(text, tabs, datasets, training, chatting)

    def there(language: str) -> dict[gr.Dropdown, Any]:
        model, data = training.refresh(language, None, None)
        return {
            datasets.saved.chosen: offered(dataset.names(), None),
            datasets.mixed: gr.update(choices=dataset.names()),
            training.model: model,
            training.dataset: data,
            training.panel.run: offered(run_choices(language), None, first_run(None)),
            chatting.model: chatting.refresh(language, None),
        }

    demo.there = there
    return demo


def _wire_opening(
    text: Text, opened: Any, tabs: list[gr.Tab], datasets: DatasetTab, training: TrainTab, chatting: ChatTab
) -> None:
    """Whenever the page or a tab is opened, it shows what is on the disk now."""
    panel = training.panel

    @told
    def datasets_now(language: str, chosen: str | None) -> Any:
        return datasets.saved.refreshed(language, chosen=chosen)

    @told
    def training_now(
        language: str, model: str | None, data: str | None, run: str | None, *looking: Any
    ) -> dict[Any, Any]:
        models_now, sets_now = training.refresh(language, model, data)
        return {
            training.model: models_now,
            training.dataset: sets_now,
            **panel.following(first_run(run), language, Looking.at(*looking), run),
        }

    @told
    def chat_now(language: str, model: str | None) -> Any:
        return chatting.refresh(language, model)

    wires: tuple[tuple[Any, list[Any], list[Any]], ...] = (
        (datasets_now, [datasets.saved.chosen], datasets.saved.outputs),
        (
            training_now,
            [training.model, training.dataset, panel.run, *panel.looking],
            [training.model, training.dataset, *panel.outputs],
        ),
        (chat_now, [chatting.model], [chatting.model]),
    )
    # After the load, not with it: the visitor's language has to be known first; then, what he had entered.
    ready = (datasets.restore(opened), training.restore(opened), opened)
    for tab, before, (handler, inputs, outputs) in zip(tabs, ready, wires, strict=True):
        before.then(handler, [text.language, *inputs], outputs, **PRIVATE)
        tab.select(handler, [text.language, *inputs], outputs, **PRIVATE)


def _wire_next(text: Text, tabs: gr.Tabs, datasets: DatasetTab, training: TrainTab, chatting: ChatTab) -> None:
    """The two "Next" buttons: from a saved dataset to training, from a finished run to the chat."""

    @told
    def chosen(language: str, model: str | None, data: str | None, view: View) -> Any:
        return training.refresh(language, model, data, view.name)

    @told
    def trained(language: str, model: str | None, run: str) -> Any:
        return chatting.refresh(language, model, run)

    @told
    def saved(language: str, model: str | None, data: str | None, last: str) -> Any:
        return training.refresh(language, model, data, last.partition("/")[2])

    choices, last = [training.model, training.dataset], datasets.saved.last
    last.change(saved, [text.language, *choices, last], choices, **PRIVATE)  # what one wants to train with
    data_chosen = datasets.next.click(chosen, [text.language, *choices, datasets.view], choices, **PRIVATE)
    model_chosen = training.panel.chat.click(
        trained, [text.language, chatting.model, training.panel.run], chatting.model, **PRIVATE
    )
    # Chosen first, opened then: an opened tab looks at what is chosen, and a quick visitor asks it at once.
    for event, tab in ((data_chosen, "train"), (model_chosen, "chat")):
        event.then(lambda tab=tab: gr.Tabs(selected=tab), None, tabs, **QUIET)
