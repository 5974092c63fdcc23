"""Strangers who send pictures to a hosted model with eyes: what may come, what is refused, and that nothing stays."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from serving.album import STRANGERS
from tests.ui.hosting import PASSWORD, Guest, hosted, raw, toasts
from ui.guest_event import LONGEST_WITH_PICTURE

pytestmark = [pytest.mark.doors, pytest.mark.timeout(600), pytest.mark.xdist_group("strangers_eyes")]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("seeing")
    with hosted(folder / "home", folder / "app.out", eyes=True) as (address, _):
        yield address, folder / "home"
    assert not list((folder / "home" / "talks").iterdir())  # and when the page ends, all of them are gone


@pytest.fixture
def guest(running: tuple[str, Path]) -> Iterator[Guest]:
    guest = Guest(running[0])
    yield guest
    guest.close()


def sent(content: bytes, kind: str = "png", name: str = "cat.png") -> str:
    return f"data:image/{kind};name={name};base64,{base64.b64encode(content).decode()}"


def picture(colour: str = "red", size: tuple[int, int] = (40, 20), kind: str = "PNG", mode: str = "RGB") -> str:
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, kind)
    return sent(buffer.getvalue(), kind.lower())


def kept(home: Path) -> list[Path]:
    return list((home / "talks").rglob("*.*"))


def answered(said: list[dict[str, Any]]) -> bool:
    return '"assistant"' in json.dumps([each.get("output") for each in said])


def test_a_picture_is_answered_shown_again_and_gone_with_the_talk(guest: Guest, running: tuple[str, Path]) -> None:
    for colour in ("red", "blue"):
        said = guest.ask("b", picture(colour))
        assert answered(said) and not toasts(said)
        assert "data:image/jpeg;base64," in json.dumps(said)
        assert str(running[1]) not in json.dumps(said)  # whoever sees it learns nothing of where it lies
    assert len(kept(running[1])) == 2
    assert guest.send("clear", None).status_code == 200
    guest.heard()
    assert not kept(running[1])


def test_a_picture_is_gone_when_its_visitor_has_left(running: tuple[str, Path]) -> None:
    guest = Guest(running[0])
    with guest.http.stream("GET", f"/gradio_api/heartbeat/{guest.session}") as beat:
        lines = beat.iter_lines()  # held: without it httpx would hang up
        next(lines)
        assert answered(guest.ask("b", picture())) and kept(running[1])
    guest.close()
    deadline = time.monotonic() + 60
    while kept(running[1]):
        assert time.monotonic() < deadline, "it is still there"
        time.sleep(0.2)


def test_what_is_no_good_picture_is_a_sentence_and_is_not_kept(guest: Guest, running: tuple[str, Path]) -> None:
    good = base64.b64decode(picture().partition("base64,")[2])
    for value, words in (
        (sent(good[:40]), "cat.png cannot be read"),
        (sent(b"<svg onload=alert(1)>", "svg+xml"), "cannot be read"),
        (picture(kind="GIF"), "cannot be read"),
        (picture(size=(9000, 9000), mode="1", colour="white"), "too large"),
    ):
        said = guest.ask("b", value)
        assert words in " ".join(toasts(said)) and not answered(said), words
    assert not kept(running[1])


def test_what_is_too_long_or_no_picture_at_all_never_reaches_the_page(guest: Guest) -> None:
    for value in (sent(bytes(STRANGERS.bytes + 1000)), "/etc/passwd", {"path": "/etc/passwd"}, "data:text/html;,x"):
        assert guest.send("typed", "en", None, None, None, "b", value).status_code == 400
    assert guest.send("typed", "en", None, None, None, "b" * 20_000, picture()).status_code == 400
    head = f"POST /gradio_api/queue/join HTTP/1.1\r\nHost: x\r\nContent-Length: {LONGEST_WITH_PICTURE + 1}\r\n\r\n"
    assert raw(str(guest.http.base_url).rstrip("/"), head.encode()).split()[1] == b"413"


def test_pictures_count_as_questions(guest: Guest, running: tuple[str, Path]) -> None:
    for _ in range(10):
        guest.send("typed", "en", None, None, None, "b", picture())
    guest.heard()
    before = len(kept(running[1]))
    assert "At most 10 questions a minute" in toasts(guest.ask("b", picture()))[0]
    assert len(kept(running[1])) == before
    guest.send("clear", None)
    guest.heard()


def test_uploads_and_files_stay_closed(guest: Guest, running: tuple[str, Path]) -> None:
    assert answered(guest.ask("b", picture()))
    [file] = kept(running[1])
    for path in (
        f"/gradio_api/file={file}",
        f"/file={file}",
        f"/gradio_api/file=../talks/{file.parent.name}/{file.name}",
    ):
        answer = raw(running[0], f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert answer.split()[1] == b"404", path
    assert guest.http.post("/gradio_api/upload", files={"files": b"x"}).status_code == 404
    assert guest.http.post("/studio/gradio_api/upload", files={"files": b"x"}).status_code == 401
    owner = httpx.Client(base_url=running[0])
    owner.post("/studio/login", data={"username": "me", "password": PASSWORD})
    assert owner.get(f"/studio/gradio_api/file={file}").status_code == 403
    guest.send("clear", None)
    guest.heard()
