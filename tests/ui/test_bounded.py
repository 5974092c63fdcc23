"""What Gradio remembers has an end, on the very lists that it uses."""

from __future__ import annotations

import gradio as gr
from gradio.queueing import Queue

from serving.stage import Stage
from serving.visitors import Visitors
from ui.bounded import SESSIONS, WAITING, bound
from ui.guest_page import guest_page


def test_every_list_that_visitors_fill_ends() -> None:
    page = bound(guest_page(Stage(), Visitors()))
    queue = page._queue
    for known in (queue.event_analytics, queue.event_ids_to_events, queue.pending_event_ids_session):
        for number in range(3 * SESSIONS):
            known[str(number)] = {}  # type: ignore[index, assignment]
        assert len(known) <= 2 * SESSIONS
    assert queue.max_size == WAITING and page.state_session_capacity == SESSIONS


def test_gradio_still_has_these_lists_and_takes_foreign_files_from_a_page_that_is_not_launched() -> None:
    """Whoever raises Gradio's version learns here what bounded.py was for."""
    with gr.Blocks() as page:
        pass
    page.queue()
    assert isinstance(page._queue, Queue) and type(page._queue.event_ids_to_events) is dict
    assert type(page._queue.event_analytics) is dict and page._queue.ANAYLTICS_CACHE_FREQUENCY == 1
    assert page.has_launched is False
