"""Long work that is told about while it goes on, in a thread of its own.

The thread goes on, and ends well, when the visitor leaves in the middle: Gradio closes his generator, not the work.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator


def followed(work: Callable[[Callable[[str], None]], None]) -> Iterator[str]:
    """Do `work(tell)` and yield what it tells, until it has ended. Raises what it raises."""
    news: queue.Queue[str | Exception | None] = queue.Queue()

    def do() -> None:
        try:
            work(news.put)
            news.put(None)
        except Exception as error:  # raised again below, where somebody listens
            news.put(error)

    threading.Thread(target=do, daemon=True).start()
    while (one := news.get()) is not None:
        if isinstance(one, Exception):
            raise one
        yield one
