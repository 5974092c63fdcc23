"""A connection on which nothing whole comes is closed: uvicorn itself waits for the rest of a head for ever."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 20.0
"""From the first byte (or the connection's beginning) to the end of the head. For bodies see doorkeeper.py."""


class Patient(H11Protocol):
    """uvicorn's protocol for HTTP/1.1, with an end to its patience."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._late = self.loop.call_later(SECONDS, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:  # a head is whole
            self._wait_no_more()
        elif not self._late:
            self._late = self.loop.call_later(SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait_no_more(self) -> None:
        if self._late:
            self._late.cancel()
            self._late = None
