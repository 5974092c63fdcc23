"""The public link: to the hosted site or to one like it, or a sentence that says why there is none."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.ui.conftest import end, free_port, serve
from ui import site


def test_the_link_leads_to_the_port_that_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def tunnel(host: str, port: int, token: str, address: str | None, certificate: str | None) -> str:
        asked.append((host, port, len(token) > 30))
        return "http://x.gradio.live"

    monkeypatch.setattr(site.networking, "setup_tunnel", tunnel)
    assert site.public_link(7860) == "https://x.gradio.live" and asked == [("127.0.0.1", 7860, True)]


def test_without_a_tunnel_there_is_no_link(monkeypatch: pytest.MonkeyPatch) -> None:
    def tunnel(*_: Any) -> str:
        raise RuntimeError("Could not get share link from Gradio API Server.")

    monkeypatch.setattr(site.networking, "setup_tunnel", tunnel)
    assert site.public_link(7860) is None


@pytest.mark.doors
@pytest.mark.parametrize("hosted", ["", "1"], ids=["at home", "hosted"])
def test_who_asks_for_a_link_that_cannot_be_had_is_told_so_and_the_page_works(
    own_home: Path, tmp_path: Path, hosted: str
) -> None:
    port, log = free_port(), tmp_path / "app.out"
    nowhere = {"STUDIO_HOSTED": hosted, "GRADIO_SHARE_SERVER_ADDRESS": "127.0.0.1:1"}
    process = serve(port, log, "--share", **nowhere)
    try:
        deadline = time.monotonic() + 120
        while "The public link could not be had" not in log.read_text(encoding="utf-8"):
            assert time.monotonic() < deadline and process.poll() is None, log.read_text(encoding="utf-8")
            time.sleep(0.2)
        assert "公开链接没有开成" in log.read_text(encoding="utf-8")
        assert httpx.get(f"http://127.0.0.1:{port}/", timeout=30).status_code == 200
    finally:
        end(process)
    assert "Traceback" not in log.read_text(encoding="utf-8")
