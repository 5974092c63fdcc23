"""A reverse proxy as a platform has one: it listens elsewhere, and under a path of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

_OF_ONE_HOP = ("connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade")


@contextmanager
def proxied(target: str, prefix: str, strips: bool) -> Iterator[str]:
    """The public address, without the prefix, while the proxy runs. `strips`: whether it takes the prefix away."""
    client = httpx.AsyncClient(base_url=target, timeout=120)

    async def passed_on(request: Request) -> Response:
        path = request.scope["raw_path"].decode()
        if strips:
            path = path.removeprefix(prefix) or "/"
        headers = [(name, value) for name, value in request.headers.raw if name.decode() not in _OF_ONE_HOP]
        told = {"x-forwarded-for": "8.8.8.8", "x-forwarded-proto": "http", "x-forwarded-host": request.headers["host"]}
        headers += [(name.encode(), value.encode()) for name, value in told.items()]
        url = f"{target}{path}?{request.url.query}".rstrip("?")
        asked = client.build_request(request.method, url, headers=headers, content=await request.body())
        answer = await client.send(asked, stream=True)

        async def parts() -> AsyncIterator[bytes]:
            try:
                async for part in answer.aiter_raw():
                    yield part
            finally:
                await answer.aclose()

        kept = {name: value for name, value in answer.headers.items() if name not in _OF_ONE_HOP}
        passed = StreamingResponse(parts(), answer.status_code)
        passed.raw_headers = [(name.encode(), value.encode()) for name, value in kept.items() if name != "set-cookie"]
        passed.raw_headers += [(b"set-cookie", cookie.encode()) for cookie in answer.headers.get_list("set-cookie")]
        return passed

    app = Starlette(routes=[Route(f"{prefix}{{rest:path}}", passed_on, methods=["GET", "POST", "HEAD"])])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(30)
