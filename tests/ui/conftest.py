"""The page as a visitor meets it: a real `python app.py` on a free port, and a real browser."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.ui.nursery import Nursery
from training import home, runs

CHROMIUM = "/usr/bin/chromium"
PATIENCE = 60_000
"""Milliseconds until something that ought to be there is missing: a busy machine may take long, and nothing is lost."""
STUMBLES = (
    "Cannot read properties of undefined (reading 'flatMap')",
    "Cannot read properties of undefined (reading 'e')",
)
"""Where Gradio 6.17's own script trips. The first: a chatbot in a tab opened for the first time is computed once in a
Svelte batch that does not know its value yet, and again, rightly, in the next one. The second, seldom and on a busy
machine: the drawing breaks off, and the page is loaded again (ui/arrival.py)."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(port: int, log: Path, *asked: str, **environment: str) -> subprocess.Popen[bytes]:
    """`python app.py` from another folder, once it answers."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, str(home.ROOT / "app.py"), "--port", str(port), *asked],
            cwd=log.parent,
            env={**os.environ, "GRADIO_SERVER_NAME": "127.0.0.1", **environment},
            stdout=output,
            stderr=output,
        )
    answers(port, lambda: process.poll() is None, log)
    return process


def answers(port: int, lives: Callable[[], bool], log: Path) -> None:
    """Return once the page answers."""
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
            return
        except OSError:
            assert lives() and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)


def end(process: subprocess.Popen[bytes] | psutil.Process) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(20)
    except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    yield nursery
    nursery.end()


@pytest.fixture
def app(nursery: Nursery, own_home: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a page with this test's HOME. Its log may hold no traceback afterwards."""
    port = free_port()
    process = nursery.page(port, tmp_path / "app.out")
    answers(port, process.is_running, tmp_path / "app.out")
    yield f"http://127.0.0.1:{port}"
    end(process)
    for run in runs.names():
        runs.stop(run)
    said = (tmp_path / "app.out").read_text(encoding="utf-8")
    assert "Traceback" not in said, said
    assert not (own_home / "app.log").exists(), (own_home / "app.log").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)

    where = shutil.which("chromium") or CHROMIUM
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=where, args=["--no-sandbox", "--disable-background-networking", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any, app: str) -> Iterator[Callable[..., Any]]:
    """Opens the page as a visitor with a language of his own; nothing may go wrong in the browser meanwhile."""
    contexts, errors = [], []

    def open_page(locale: str = "en-US", **options: Any) -> Any:
        contexts.append(chromium.new_context(locale=locale, viewport={"width": 1280, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(app)
        page.get_by_role("tab").first.wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [error for error in errors if error not in STUMBLES] == []


def comes_to_rest(page: Any) -> bool:
    """Whether the page stops asking for frames to draw in, once it has come."""
    page.wait_for_timeout(5000)
    page.evaluate(
        "() => { const ask = requestAnimationFrame; window.asked = 0;"
        " window.requestAnimationFrame = drawing => { window.asked++; return ask(drawing); }; }"
    )

    def rests() -> bool:
        before = page.evaluate("asked")
        page.wait_for_timeout(1000)
        return bool(page.evaluate("asked") == before)

    return any(rests() for _ in range(20))
