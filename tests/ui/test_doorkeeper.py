"""The hosted site's door, in this process: slow lines, prefixes, and what goes wrong inside."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import wait_for
from tests.ui.test_site import stranger
from ui import patience
from ui.doorkeeper import Doorkeeper


async def well(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


async def broken(scope: Any, receive: Any, send: Any) -> None:
    raise ZeroDivisionError("secret of the house")


async def half(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ZeroDivisionError("secret of the house")


def asked(app: Any, path: str, parts: tuple[bytes, ...] = (), **more: Any) -> tuple[int, bytes]:
    """The answer's status and body; the request's body comes in `parts`, and after them nothing more."""
    said: list[Any] = []
    coming = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    headers = [(b"content-length", b"100"), (b"accept-language", b"en")]

    async def receive() -> Any:
        if coming:
            return coming.pop(0)
        await asyncio.sleep(3600)

    async def send(message: Any) -> None:
        said.append(message)

    scope = {"type": "http", "method": "POST" if parts else "GET", "path": path, "headers": headers, "client": None}
    asyncio.run(Doorkeeper(app, {}, **more)(scope, receive, send))
    assert not said[-1].get("more_body")
    return said[0]["status"], b"".join(each.get("body", b"") for each in said[1:])


@pytest.mark.parametrize(
    ("root_path", "path", "inside"),
    [
        ("", "/health", b"/health"),
        ("/apps/mine", "/apps/mine/health", b"/apps/mine/health"),
        ("/apps/mine/", "/apps/mine", b"/apps/mine/"),
        ("https://example.org/apps/mine", "/apps/mine/", b"/"),
        ("/apps/mine", "/health", b"/apps/mine/health"),
    ],
)
def test_a_path_is_the_same_whether_the_proxy_took_its_prefix_away_or_not(
    root_path: str, path: str, inside: bytes
) -> None:
    assert asked(well, path, root_path=root_path) == (200, inside)


def test_a_prefix_opens_no_other_path() -> None:
    assert asked(well, "/apps/mineral/health", root_path="/apps/mine")[0] == 404


def test_what_goes_wrong_inside_is_logged_whole_and_told_short(own_home: Path) -> None:
    status, body = asked(broken, "/")
    assert status == 500 and json.loads(body) == {"detail": "Something went wrong here."}
    assert asked(half, "/") == (200, b"")
    assert (own_home / "app.log").read_text(encoding="utf-8").count("ZeroDivisionError: secret of the house") == 2


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    status, body = asked(well, "/gradio_api/queue/join", parts=(b"{",), patience=0.1)
    assert status == 408 and "too long to arrive" in json.loads(body)["detail"]


@pytest.fixture
def hasty(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """A site that waits for a head for a second only."""
    monkeypatch.setenv("STUDIO_HOSTED", "1")
    monkeypatch.setattr(patience, "SECONDS", 1.0)
    with stranger("") as client:
        yield client.base_url.host, client.base_url.port or 0


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET / HT"])
def test_a_line_on_which_no_whole_head_comes_is_closed(hasty: tuple[str, int], sent: bytes) -> None:
    with socket.create_connection(hasty, timeout=30) as line:
        line.sendall(sent)
        began = time.monotonic()
        try:
            while line.recv(65536):
                pass
        except ConnectionResetError:
            pass
        assert 0.5 < time.monotonic() - began < 20


def test_a_long_answer_is_not_cut(hasty: tuple[str, int]) -> None:
    with socket.create_connection(hasty, timeout=30) as line:
        line.sendall(b"GET /gradio_api/heartbeat/x HTTP/1.1\r\nHost: x\r\n\r\n")
        began = time.monotonic()
        line.settimeout(2.5)
        heard = []

        def silent() -> bool:
            try:
                heard.append(line.recv(65536))
                assert heard[-1], "the line was closed"
            except TimeoutError:
                return True
            return time.monotonic() - began > 5

        wait_for(silent)
        assert b"ALIVE" in b"".join(heard)
