"""A hosted `python app.py` with a model of a few kilobytes, and a guest who speaks to it as the page's script does."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from safetensors.numpy import load_file, save_file

from hub.address import parse
from tests.training.eyes.tiny_llava import write_encoder, write_llava
from tests.training.models.tiny import write_talker
from tests.ui.conftest import end, free_port, serve
from training.hosted import name_of

PASSWORD = "open sesame"
MODEL = name_of(parse("openxlab:user/talker"))
"""What the model is called there."""
HOSTILE = "<img/src=x/onerror=window.hacked=1>"
"""What the model answers, again and again: a word of its own."""


@contextmanager
def hosted(home: Path, log: Path, eyes: bool = False, **environment: str) -> Iterator[tuple[str, psutil.Process]]:
    """The address of a hosted app whose model is there already, and its process. Its log may hold no traceback.

    `eyes`: the model can be shown pictures.
    """
    model = write_talker(home / "models" / MODEL)
    weights = load_file(model / "model.safetensors")
    weights["model.embed_tokens.weight"][2] = 2
    save_file(weights, model / "model.safetensors")
    words = (model / "tokenizer.json").read_text(encoding="utf-8")
    (model / "tokenizer.json").write_text(words.replace('"a"', json.dumps(HOSTILE)), encoding="utf-8")
    if eyes:
        model.rename(home / "blind")
        write_encoder(home / "encoder")
        write_llava(model, home / "blind", home / "encoder")
    port = free_port()
    told = {"STUDIO_HOME": str(home), "MODEL_REPO": "user/talker", "STUDIO_PASSWORD": PASSWORD, **environment}
    process = serve(port, log, **told)
    try:
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        end(process)
    said = log.read_text(encoding="utf-8")
    assert "Traceback" not in said and PASSWORD not in said, said
    assert not (home / "app.log").exists(), (home / "app.log").read_text(encoding="utf-8")


class Guest:
    """One visitor's browser, without the browser. `address`: whence he comes, as a proxy would tell it."""

    def __init__(self, site: str, address: str = "", session: str = "") -> None:
        self.http = httpx.Client(
            base_url=site, timeout=120, headers={"x-forwarded-for": address} if address else {"accept-language": "en"}
        )
        self.session = session or secrets.token_hex(6)
        page = self.http.get("/config").json()
        self.events = {each["api_name"]: each["id"] for each in page["dependencies"]}

    def send(self, event: str, *data: Any, **more: Any) -> httpx.Response:
        """One event, called through the queue."""
        told = {"fn_index": self.events[event], "data": list(data), "session_hash": self.session, **more}
        # Not httpx's own JSON: it knows no half characters.
        return self.http.post(
            "/gradio_api/queue/join", content=json.dumps(told), headers={"content-type": "application/json"}
        )

    def heard(self) -> list[dict[str, Any]]:
        """What the server says until nothing more is under way."""
        said = []
        with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session}) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    said.append(json.loads(line[6:]))
                    if said[-1]["msg"] in ("close_stream", "unexpected_error"):
                        break
        return said

    def ask(self, question: str, picture: str = "") -> list[dict[str, Any]]:
        """A question as typed, and what is said to it: the messages of both events."""
        assert self.send("typed", "en", None, None, None, question, picture).status_code == 200
        asked = self.heard()
        assert self.send("answer", "en", None, None, None, 0.0, 0.9, 64, "").status_code == 200
        return asked + self.heard()

    def close(self) -> None:
        self.http.close()


def toasts(said: list[dict[str, Any]]) -> list[str]:
    """The sentences that a visitor would see pop up."""
    return [each["log"] for each in said if each["msg"] == "log"]


def answered(said: list[dict[str, Any]]) -> bool:
    """Whether an answer of the model is in what was said."""
    return "onerror" in json.dumps([each.get("output") for each in said])


def raw(site: str, request: bytes, patience: float = 60.0) -> bytes:
    """What the server says to these very bytes; nothing is tidied up on the way."""
    host, _, port = site.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=patience) as line:
        line.sendall(request)
        said = b""
        while part := line.recv(65536):
            said += part
    return said
