"""The hosted site as a stranger meets it, through plain HTTP."""

from __future__ import annotations

import os
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest

from serving.stage import Stage
from serving.visitors import Limits, Visitors
from tests.training.conftest import wait_for
from tests.ui.conftest import free_port, serve
from training import hosted, models
from training.home import home
from ui import site
from ui.guest_page import guest_page


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))


@contextmanager
def stranger(password: str) -> Iterator[httpx.Client]:
    """A stranger's client at a site that really listens."""
    server = site.server(site.site(Stage(), password), "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True, timeout=30) as client:
        yield client
    server.should_exit = True
    thread.join(timeout=30)


@pytest.fixture
def visitor(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A stranger at a site that has a studio."""
    monkeypatch.setenv("STUDIO_HOSTED", "1")
    with stranger("open sesame") as client:
        yield client


def test_the_guests_page_has_the_chats_events_and_no_named_door(visitor: httpx.Client) -> None:
    assert visitor.get("/").status_code == 200
    told = visitor.get("/gradio_api/info").json()
    assert told["named_endpoints"] == {} and told["unnamed_endpoints"] == {}
    config = visitor.get("/config").json()
    kinds = {each["type"] for each in config["components"]}
    assert not kinds & {"file", "uploadbutton", "downloadbutton", "image", "filexplorer"}


def test_the_studio_opens_to_the_password_only(visitor: httpx.Client) -> None:
    for path in ("/studio/config", "/studio/gradio_api/info"):
        assert visitor.get(path).status_code == 401
    assert visitor.post("/studio/login", data={"username": "x", "password": "wrong"}).status_code == 400
    assert visitor.get("/studio/config").status_code == 401
    assert visitor.post("/studio/login", data={"username": "x", "password": "open sesame"}).status_code == 200
    assert visitor.get("/studio/config").status_code == 200


@pytest.mark.parametrize("path", ["queue/join", "run/0", "api/0", "upload", "call/start_run", "component_server"])
def test_no_event_of_the_studio_can_be_called_from_outside(visitor: httpx.Client, path: str) -> None:
    asked = {"fn_index": 0, "data": [], "session_hash": "abc"}
    assert visitor.post(f"/studio/gradio_api/{path}", json=asked).status_code in (401, 404)


def test_without_a_password_there_is_no_studio(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_HOSTED", "1")
    with stranger("") as client:
        assert client.get("/studio/config").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file={home}/app.log",
        "/gradio_api/file={home}/models/x/config.json",
        "/gradio_api/file=../../etc/passwd",
        "/gradio_api/file=%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/file=/etc/passwd",
        "/static/../../app.py",
        "/gradio_api/proxy=http://127.0.0.1:22/",
    ],
)
def test_no_file_of_the_machine_is_served(visitor: httpx.Client, path: str) -> None:
    (home() / "app.log").write_text("secret")
    (home() / "models" / "x").mkdir(parents=True)
    (home() / "models" / "x" / "config.json").write_text("secret")
    answer = visitor.get(path.replace("{home}", str(home())))
    assert "root:" not in answer.text and "secret" not in answer.text and "def main" not in answer.text


FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}


def test_not_even_inside_the_studio_does_an_event_fetch_a_file_that_was_not_uploaded(visitor: httpx.Client) -> None:
    visitor.post("/studio/login", data={"username": "x", "password": "open sesame"})
    page = visitor.get("/studio/config").json()
    kinds = {each["id"]: each["type"] for each in page["components"]}
    direct = [each for each in page["dependencies"] if not each["queue"]]
    event = next(each["id"] for each in direct if [kinds[number] for number in each["inputs"]] == ["radio"])
    asked = {"fn_index": event, "data": [FILE], "session_hash": "x"}
    assert "not uploaded" in visitor.post("/studio/gradio_api/run/predict", json=asked).text
    assert not list(Path(os.environ["GRADIO_TEMP_DIR"]).rglob("passwd"))


def test_not_even_without_the_doorkeeper_does_a_guests_event_fetch_a_file(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.doorkeeper.checked", lambda body, events: body)
    with stranger("") as client:
        events = client.get("/config").json()["dependencies"]
        direct = next(each["id"] for each in events if not each["queue"] and len(each["inputs"]) == 1)
        asked = {"fn_index": direct, "data": [FILE], "session_hash": "x"}
        assert "not uploaded" in client.post("/gradio_api/run/predict", json=asked).text
    assert not list(Path(os.environ["GRADIO_TEMP_DIR"]).rglob("passwd"))


def test_guests_cannot_upload(visitor: httpx.Client) -> None:
    answer = visitor.post("/gradio_api/upload", files={"files": ("x.bin", b"x" * 1000)})
    assert answer.status_code >= 400


def test_a_request_longer_than_any_question_is_not_read(visitor: httpx.Client) -> None:
    assert visitor.post("/gradio_api/queue/join", content=b"{" + b" " * (1 << 21)).status_code == 413
    assert visitor.post("/gradio_api/queue/join", content=iter([b"{", b"}"])).status_code == 413  # of unknown length
    assert visitor.post("/studio/login", content=b" " * (1 << 21)).status_code == 413
    assert visitor.post("/studio/gradio_api/upload", content=b" " * (1 << 21)).status_code == 401  # not logged in


def test_the_site_says_that_it_is_well(visitor: httpx.Client) -> None:
    assert visitor.get("/health").json() == {"ok": True, "model": models.STARTER, "fetching": False}


@pytest.mark.parametrize(
    ("told", "source"),
    [
        ("", ""),
        ("user/model", "openxlab:user/model"),
        ("user/model@v1", "openxlab:user/model@v1"),
        ("hf:a/b", "hf:a/b"),
    ],
)
def test_the_hosted_models_source_is_openxlab_unless_another_hub_is_named(
    told: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_REPO", told)
    assert (hosted.source(), hosted.is_hosted()) == (source, bool(told))


def test_a_source_that_is_none_is_said(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_REPO", "not a repo")
    problem: Any = hosted.fetch()
    assert problem.code == "hub_address_bad" and hosted.model() == models.STARTER


@pytest.mark.doors
@pytest.mark.parametrize("hosted_too", ["", "1"])
def test_a_page_that_is_told_to_end_ends_well_by_itself(own_home: Path, tmp_path: Path, hosted_too: str) -> None:
    port = free_port()
    process = serve(port, tmp_path / "app.out", STUDIO_HOSTED=hosted_too)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/gradio_api/heartbeat/visitor", timeout=60):
        process.terminate()  # while somebody has the page open
        assert process.wait(60) == 0
    assert "Traceback" not in (tmp_path / "app.out").read_text()


def test_guests_are_offered_no_longer_answer_than_they_are_granted(own_home: Path) -> None:
    demo = guest_page(Stage(), Visitors(Limits(tokens=128)))
    (longest,) = [each for each in demo.blocks.values() if isinstance(each, gr.Slider) and each.minimum == 16]
    assert longest.maximum == 128 >= longest.value
