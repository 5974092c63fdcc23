"""OpenXLab's git refuses; a server that speaks its SDK's protocol has the model."""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.address import Address, Credentials
from hub.errors import HubError
from hub.pulling import Progress, pull
from tests.hub.servers import Hub, _Handler, serving
from tests.hub.test_pull import WANTED, sha256

MODEL = Address("openxlab", "user/model")
AK, SK, NONCE, JWT = "ak-1f", "sk-77c2", "nonce-9", "jwt-55e1"


class Api(_Handler):
    """What openxlab 0.1.3 asks: a sign-in with a nonce, and a link for every file. Git is not served."""

    def is_known(self) -> bool:
        return not self.path.endswith("getFileDownloadUrl") or self.headers.get("Authorization") == JWT

    def route(self, url: Any) -> None:
        if url.path.startswith("/store/"):
            assert "Authorization" not in self.headers, "a link carries its own right"
            self.send_content(self.hub.objects[url.path.removeprefix("/store/")])
        elif url.path.startswith("/api/"):
            told = self.told(url.path.removeprefix("/api/"), json.loads(self.body()))
            self.answer(200, {"msgCode": "10000", "msg": "ok", "traceId": "t", "data": told})
        else:
            self.answer(403, {"message": "git is off"})

    def told(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        if path == "sso-be/api/v1/open/auth":
            return self.fine({"nonce": NONCE, "algorithm": "HmacSHA256"})
        if path == "sso-be/api/v1/open/getJwt":
            right = base64.b64encode(hmac.new(SK.encode(), NONCE.encode(), "sha256").digest()).decode()
            return self.fine({"jwt": JWT}) if asked["d"] == right else {"msgCode": "401", "msg": "wrong key"}
        assert path == "model-center/api/v1/cli/repository/getFileDownloadUrl"
        repo = f"{asked['userName']}/{asked['repositoryName']}/"
        names = [key.removeprefix(repo) for key in self.hub.objects if key.startswith(repo)]
        if not names:
            return {"msgCode": "20404", "msg": "repository does not exist", "traceId": "t"}
        link = {name: {"url": f"{self.hub.url}/store/{repo}{name}", "fileName": name, "hash": "00"} for name in names}
        heavy = {name: link.pop(name) for name in names if name.endswith(".safetensors")}
        return self.fine({"modelNames": heavy, "filePaths": link})

    def fine(self, data: dict[str, Any]) -> dict[str, Any]:
        return {"msgCode": "10000", "msg": "ok", "data": data}

    def send_content(self, content: bytes) -> None:
        if self.headers.get("Range") != "bytes=0-0":
            super().send_content(content)
            return
        self.send_response(206)
        self.send_header("Content-Range", f"bytes 0-0/{len(content)}")
        self.send_header("Content-Length", "1")
        self.end_headers()
        self.wfile.write(content[:1])


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path) -> Iterator[Hub]:
    hub = Hub(tmp_path / "server")
    for name in ("OPENXLAB_AK", "OPENXLAB_SK"):
        monkeypatch.delenv(name, raising=False)
    with serving(hub, Api):
        monkeypatch.setenv("OPENXLAB_GIT_BASE", hub.url)
        monkeypatch.setenv("OPENXLAB_API_BASE", f"{hub.url}/api")
        hub.objects |= {f"user/model/{file.name}": file.read_bytes() for file in model.iterdir()}
        yield hub


def test_where_git_is_refused_the_model_comes_by_the_api_of_the_sdk(api: Hub, model: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    to = pull(MODEL, tmp_path / "new", progress=told.append)
    assert sorted(file.name for file in to.iterdir()) == WANTED
    assert all((to / name).read_bytes() == (model / name).read_bytes() for name in WANTED)
    assert told[-1].total_done == told[-1].total == sum((model / name).stat().st_size for name in WANTED)


def test_a_file_that_breaks_off_is_gone_on_with_from_where_it_broke(api: Hub, model: Path, tmp_path: Path) -> None:
    api.breaks[sha256(model / "model.safetensors")] = 2
    to = pull(MODEL, tmp_path / "new")
    assert sha256(to / "model.safetensors") == sha256(model / "model.safetensors")
    asked = [bytes_from for _, path, bytes_from in api.asked if path.endswith("/model.safetensors")]
    begun = [int(re.sub(r"\D", "", each) or 0) for each in asked if each != "bytes=0-0"]
    assert begun[0] == 0 < begun[1] and len(begun) == 3


def test_weights_that_are_none_are_refused_and_nothing_is_left(api: Hub, model: Path, tmp_path: Path) -> None:
    api.corrupt.add(sha256(model / "model.safetensors"))
    with pytest.raises(HubError) as caught:
        pull(MODEL, tmp_path / "new")
    assert caught.value.code == "hub_corrupt"
    assert not (tmp_path / "new").exists() and not (tmp_path / ".new.part").exists()


def test_a_private_repo_opens_to_its_keys_only_and_these_are_nowhere_afterwards(
    api: Hub, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    api.private = True
    for secret, opens in (("", False), ("sk-wrong", False), (SK, True)):
        monkeypatch.setenv("OPENXLAB_AK", AK)
        monkeypatch.setenv("OPENXLAB_SK", secret)
        if opens:
            assert (pull(MODEL, tmp_path / "new") / "model.safetensors").is_file()
        else:
            with pytest.raises(HubError) as caught:
                pull(MODEL, tmp_path / "new")
            assert caught.value.code == "hub_private"  # what git said
    assert not any(secret in path for _, path, _ in api.asked for secret in (SK, JWT, "sk-wrong"))
    held = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    out = "".join(capfd.readouterr())
    assert all(secret.encode() not in held and secret not in out for secret in (SK, JWT))


def test_what_git_said_is_told_when_the_api_does_not_help(api: Hub, tmp_path: Path) -> None:
    with pytest.raises(HubError) as caught:
        pull(Address("openxlab", "user/none"), tmp_path / "new", Credentials("user", "token"))
    assert caught.value.code == "hub_token_refused"


def test_a_revision_is_never_guessed(api: Hub, tmp_path: Path) -> None:
    with pytest.raises(HubError):
        pull(Address("openxlab", "user/model", "v1"), tmp_path / "new")
    assert not any(path.startswith("/api/") for _, path, _ in api.asked)


def test_a_mirror_of_git_alone_asks_nobody_else(api: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENXLAB_API_BASE")
    with pytest.raises(HubError):
        pull(MODEL, tmp_path / "new")
    assert not any(path.startswith("/api/") for _, path, _ in api.asked)


def test_the_server_of_these_tests_is_what_the_sdk_itself_downloads_from(
    api: Hub, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openxlab.model.clients import openapi_client
    from openxlab.model.common import bury
    from openxlab.model.handler import download_file
    from openxlab.xlab.clients.auth_client import AuthClient
    from openxlab.xlab.handler import user_token

    api.private = True
    sign_in = AuthClient(f"{api.url}/api/sso-be/api/v1/open/")
    answer = user_token.calculate_d(SK, *sign_in.auth(AK))
    monkeypatch.setattr(openapi_client, "get_jwt", lambda: sign_in.get_jwt(AK, answer)["jwt"])
    monkeypatch.setattr(download_file, "endpoint", f"{api.url}/api")
    monkeypatch.setattr(bury.bury_thread_pool, "submit_task", lambda *_: None)  # it reports every call
    (tmp_path / "sdk").mkdir()
    download_file.download("user/model", output=str(tmp_path / "sdk"), cache=False)
    assert all((tmp_path / "sdk" / name).read_bytes() == (model / name).read_bytes() for name in WANTED)
