"""An end to what Gradio 6.17 remembers for ever: on a page that is up for weeks, or that somebody floods, it fills the
memory. (Every event with its request, its session's name, the time each session was last seen.)"""

from __future__ import annotations

import sys

import gradio as gr
from gradio.utils import LRUCache

SESSIONS = 2000
"""Conversations that are kept; who was not seen for longest is forgotten."""
WAITING = 500
"""Events of all visitors that may wait. The answers' own line (serving/visitors.py) ends long before."""
_EVENTS = 2 * WAITING
"""Events that are remembered, done or not."""


def bound(page: gr.Blocks) -> gr.Blocks:
    """The same page, before it is mounted; its queue is set up here, too. No event can be called past the queue."""
    page.queue(default_concurrency_limit=None, max_size=WAITING, api_open=False)
    queue = page._queue
    queue.event_analytics = LRUCache(_EVENTS)
    queue.event_ids_to_events = LRUCache(_EVENTS)
    queue.pending_event_ids_session = LRUCache(2 * SESSIONS)
    queue.ANAYLTICS_CACHE_FREQUENCY = sys.maxsize  # it would count all of them anew after each one
    page.state_session_capacity = SESSIONS
    # As launch() would. Until then Gradio lets any event fetch any file for whoever names it: it takes what comes for
    # the program's own examples.
    page.has_launched = True
    return page
