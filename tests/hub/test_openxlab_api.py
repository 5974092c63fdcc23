"""OpenXLab's git refuses; a server that speaks its SDK's protocol has the model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.address import Address, Credentials
from hub.errors import HubError
from hub.pulling import Progress, pull
from tests.hub.openxlab_server import AK, JWT, MODEL, SK
from tests.hub.openxlab_server import api as api
from tests.hub.servers import Hub
from tests.hub.test_pull import WANTED, sha256


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


def test_weights_that_are_none_are_refused_and_not_kept(api: Hub, model: Path, tmp_path: Path) -> None:
    api.corrupt.add(sha256(model / "model.safetensors"))
    with pytest.raises(HubError) as caught:
        pull(MODEL, tmp_path / "new")
    assert caught.value.code == "hub_corrupt"
    assert not (tmp_path / "new").exists() and not [*(tmp_path / ".new.part").rglob("model.safetensors*")]


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
