"""Push and pull against servers that others wrote: git's http-backend, and giftless for the large files."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from giftless.app import init_app
from giftless.auth.identity import DefaultIdentity, Permission
from werkzeug.serving import make_server

from hub.address import Address, Credentials
from hub.errors import HubError
from hub.pulling import pull
from hub.pushing import push
from tests.hub.servers import TOKEN, git
from tests.hub.test_pull import sha256

pytestmark = [pytest.mark.real]

HERE, ME = Address("openxlab", "user/new"), Credentials("user", TOKEN)
_BASIC = "Basic " + base64.b64encode(f"user:{TOKEN}".encode()).decode()


def whoever_has_the_token(request: Any) -> DefaultIdentity | None:
    """giftless asks this; None is nobody."""
    if request.headers.get("Authorization") != _BASIC:
        return None
    user = DefaultIdentity(id="user", name="user")
    user.allow(permissions=Permission.all())
    return user


@pytest.fixture
def lfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Both servers at one address; the folder where giftless keeps the large files."""
    repos, kept = tmp_path / "repos", tmp_path / "large"
    bare = repos / "user" / "new.git"
    bare.mkdir(parents=True)
    git(bare, "init", "--quiet", "--bare", "--initial-branch=main", ".")
    git(bare, "config", "http.receivepack", "true")
    store = {"storage_class": "giftless.storage.local_storage:LocalStorage", "storage_options": {"path": str(kept)}}
    settings = {
        "LEGACY_ENDPOINTS": False,
        "AUTH_PROVIDERS": [f"{__name__}:whoever_has_the_token"],
        "PRE_AUTHORIZED_ACTION_PROVIDER": {"options": {"private_key": "k" * 32}},
        "TRANSFER_ADAPTERS": {
            "basic": {
                "factory": "giftless.transfer.basic_streaming:factory",
                "options": {**store, "action_lifetime": 900},
            }
        },
    }
    large = init_app(additional_config=settings)
    server = make_server("127.0.0.1", 0, _both(large, repos), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("OPENXLAB_GIT_BASE", f"http://127.0.0.1:{server.server_port}")
    yield kept
    server.shutdown()
    thread.join()


def _both(large: Any, repos: Path) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if "/info/lfs/" in environ["PATH_INFO"]:
            found: Iterable[bytes] = large(environ, start)
            return found
        if environ.get("HTTP_AUTHORIZATION") != _BASIC:
            start("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="hub"')])
            return [b""]
        told = {key: value for key, value in environ.items() if isinstance(value, str)}
        place = {"GIT_PROJECT_ROOT": str(repos), "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_USER": "user"}
        length = int(environ.get("CONTENT_LENGTH") or 0)
        chunked = environ.get("HTTP_TRANSFER_ENCODING") == "chunked"
        body = environ["wsgi.input"].read() if chunked else environ["wsgi.input"].read(length)
        told["CONTENT_LENGTH"] = str(len(body))
        done = subprocess.run(
            ["git", "http-backend"], input=body, env={**os.environ, **told, **place}, capture_output=True, check=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if line)
        start(headers.pop("Status", "200 OK"), [*headers.items()])
        return [content]

    return answer


def test_what_is_pushed_to_giftless_is_what_is_pulled_from_it(lfs: Path, model: Path, tmp_path: Path) -> None:
    done = push(model, HERE, ME)
    assert done.changed and done.large == ("model.safetensors", "pytorch_model.bin")
    held = {file.name: file for file in lfs.rglob("*") if file.is_file()}
    assert set(held) == {sha256(model / name) for name in done.large}
    to = pull(HERE, tmp_path / "new", ME)
    assert sha256(to / "model.safetensors") == sha256(model / "model.safetensors")
    assert not push(model, HERE, ME).changed


def test_giftless_is_sent_only_what_it_lacks(lfs: Path, model: Path) -> None:
    push(model, HERE, ME)
    weights = next(file for file in lfs.rglob(sha256(model / "model.safetensors")))
    before = weights.stat().st_mtime_ns
    (model / "pytorch_model.bin").write_bytes(b"other" * 9000)
    assert push(model, HERE, ME).changed
    assert weights.stat().st_mtime_ns == before
    assert [*lfs.rglob(sha256(model / "pytorch_model.bin"))]


def test_a_wrong_token_is_a_sentence_to_both_servers(lfs: Path, model: Path, tmp_path: Path) -> None:
    for refused in (
        lambda: push(model, HERE, Credentials("user", "wrong")),
        lambda: pull(HERE, tmp_path / "new", Credentials("user", "wrong")),
    ):
        with pytest.raises(HubError) as caught:
            refused()
        assert caught.value.code == "hub_token_refused"


def test_an_object_that_giftless_has_lost_is_told(lfs: Path, model: Path, tmp_path: Path) -> None:
    push(model, HERE, ME)
    next(file for file in lfs.rglob(sha256(model / "model.safetensors"))).unlink()
    with pytest.raises(HubError) as caught:
        pull(HERE, tmp_path / "new", ME)
    assert caught.value.code == "hub_incomplete" and not (tmp_path / "new").exists()
