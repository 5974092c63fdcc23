"""A page listens on one line to the answers to all of its events, for as long as it asks some."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import gradio as gr
import pytest
from starlette.middleware import Middleware

from ui.open_line import OpenLine

# Gradio's own, at every event
pytestmark = pytest.mark.filterwarnings("ignore:.HTTP_422_UNPROCESSABLE_ENTITY. is deprecated")

SESSION = "somebody"


class Caller:
    """A page's side, request by request, at the ASGI door of an app that answers "heard ..."."""

    def __init__(self, agent: str = "Mozilla/5.0", idle: float = 0.5) -> None:
        with gr.Blocks() as demo:
            box = gr.Textbox()
            box.submit(self._answer, box, box)
        middleware = [Middleware(OpenLine, page=demo.queue(), idle=idle)]
        self._app = gr.routes.App.create_app(demo, app_kwargs={"middleware": middleware})
        self._agent = agent
        demo.is_running = True
        demo.run_startup_events()
        self.heard: list[str] = []
        """Answers; "begun" at every beginning of a response; "end" before its line ends."""
        self.hung_up = asyncio.Event()

    @staticmethod
    async def _answer(said: str) -> str:
        await asyncio.sleep(5 if said == "slow" else 0)
        return f"heard {said}"

    async def ask(self, said: str) -> None:
        body = json.dumps({"data": [said], "fn_index": 0, "session_hash": SESSION}).encode()
        await self._request("POST", "/gradio_api/queue/join", b"", body, lambda _message: None)

    async def listen(self) -> None:
        await self._request("GET", "/gradio_api/queue/data", f"session_hash={SESSION}".encode(), b"", self._hear)

    async def until(self, said: str) -> None:
        while said not in self.heard:
            await asyncio.sleep(0.01)

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.heard.append("begun")
        for line in message.get("body", b"").splitlines():
            told = json.loads(line.removeprefix(b"data: ")) if line else {}
            if told.get("msg") == "process_completed":
                self.heard.extend(told["output"]["data"])
            if told.get("session_not_found"):
                self.heard.append("unknown")
            if told.get("msg") == "close_stream":
                self.heard.append("end")

    async def _request(
        self, method: str, path: str, query: bytes, body: bytes, send: Callable[[dict[str, Any]], None]
    ) -> None:
        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            if parts:
                return parts.pop()
            await self.hung_up.wait()
            return {"type": "http.disconnect"}

        async def sending(message: Any) -> None:
            send(message)

        await self._app(
            {
                "type": "http",
                "asgi": {"version": "3.0", "spec_version": "2.3"},
                "http_version": "1.1",
                "method": method,
                "scheme": "http",
                "path": path,
                "raw_path": path.encode(),
                "root_path": "",
                "query_string": query,
                "headers": [
                    (b"host", b"127.0.0.1"),
                    (b"content-type", b"application/json"),
                    (b"user-agent", self._agent.encode()),
                ],
                "client": ("127.0.0.1", 1),
                "server": ("127.0.0.1", 80),
            },
            receive,
            sending,
        )


async def two_questions(caller: Caller) -> asyncio.Task[None]:
    """Asked one after the other; returns the listening."""
    await caller.ask("first")
    listening = asyncio.create_task(caller.listen())
    await asyncio.wait_for(caller.until("heard first"), 10)
    await caller.ask("second")
    return listening


def test_the_next_answer_comes_on_the_same_line() -> None:
    async def talk() -> list[str]:
        caller = Caller(idle=8)
        listening = await two_questions(caller)
        await asyncio.wait_for(listening, 60)
        return caller.heard

    assert asyncio.run(talk()) == ["begun", "heard first", "heard second", "end"]


def test_a_line_that_was_closed_for_want_of_questions_can_be_opened_again() -> None:
    async def talk() -> list[str]:
        caller = Caller()
        for question in ("first", "second"):
            await caller.ask(question)
            await asyncio.wait_for(caller.listen(), 10)
        return caller.heard

    assert asyncio.run(talk()) == ["begun", "heard first", "end", "begun", "heard second", "end"]


def test_a_page_that_leaves_between_two_questions_keeps_nothing_open() -> None:
    async def talk() -> list[str]:
        caller = Caller(idle=600)
        await caller.ask("first")
        listening = asyncio.create_task(caller.listen())
        await asyncio.wait_for(caller.until("heard first"), 10)
        caller.hung_up.set()
        await asyncio.wait_for(listening, 60)
        return [task.get_coro().__qualname__ for task in asyncio.all_tasks()]  # type: ignore[union-attr]

    assert not [name for name in asyncio.run(talk()) if "heartbeat" in name or "OpenLine" in name]


def test_a_script_is_told_the_end_at_once() -> None:
    async def talk() -> list[str]:
        caller = Caller(agent="python-httpx")
        await caller.ask("first")
        await asyncio.wait_for(caller.listen(), 10)
        return caller.heard

    assert asyncio.run(talk()) == ["begun", "heard first", "end"]


@pytest.mark.parametrize("agent", ["Mozilla/5.0", "python-httpx"])
def test_a_line_for_a_session_that_is_gone_says_so_and_is_no_error_of_the_server(agent: str) -> None:
    async def talk() -> list[str]:
        caller = Caller(agent)
        await asyncio.wait_for(caller.listen(), 10)
        return caller.heard

    assert asyncio.run(talk()) == ["begun", "unknown"]


@pytest.mark.parametrize("agent", ["Mozilla/5.0", "python-httpx"])
def test_a_page_that_leaves_with_two_lines_open_is_no_error_of_the_server(agent: str) -> None:
    async def talk() -> None:
        caller = Caller(agent)
        await caller.ask("slow")
        lines = [asyncio.create_task(caller.listen()) for _ in range(2)]
        await asyncio.sleep(1)
        caller.hung_up.set()
        await asyncio.wait_for(asyncio.gather(*lines), 30)

    asyncio.run(talk())
