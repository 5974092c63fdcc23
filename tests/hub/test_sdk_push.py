"""A push by the real SDK, where git is refused, to a server that speaks its protocol."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest

from hub.address import Address, Credentials
from hub.errors import HubError
from hub.pulling import Progress, pull
from hub.pushing import MARK, push
from tests.hub.openxlab_server import AK, JWT, SK
from tests.hub.openxlab_server import api as api
from tests.hub.servers import Hub

NEW = Address("openxlab", "user/fresh")
WHO = Credentials("user", "token")


@pytest.fixture(autouse=True)
def signed(api: Hub, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user has his keys."""
    api.private = True
    monkeypatch.setenv("OPENXLAB_AK", AK)
    monkeypatch.setenv("OPENXLAB_SK", SK)
    (model / "README.md").write_text("---\nlicense: apache-2.0\n---\n# 模型\n", encoding="utf-8")


def test_where_git_is_refused_the_sdk_makes_the_repo_and_fills_it_and_it_can_be_pulled(
    api: Hub, model: Path, tmp_path: Path
) -> None:
    told: list[Progress] = []
    done = push(model, NEW, WHO, progress=told.append)
    assert "model.safetensors" in done.files and "modeling_evil.py" not in done.files
    assert told[-1].total_done == told[-1].total
    to = pull(NEW, tmp_path / "back")
    assert all((to / name).read_bytes() == (model / name).read_bytes() for name in ("config.json", "model.safetensors"))
    assert f"user/fresh/{MARK}" in api.objects


def test_what_is_there_already_is_not_sent_again_and_a_changed_file_replaces_its_older_self(
    api: Hub, model: Path, tmp_path: Path
) -> None:
    push(model, NEW, WHO)
    sent = len(api.uploaded)
    push(model, NEW, WHO)
    assert len(api.uploaded) == sent
    (model / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "more": 1}))
    push(model, NEW, WHO)
    assert api.objects["user/fresh/config.json"] == (model / "config.json").read_bytes()


def test_a_model_trained_anew_has_the_same_sizes_and_is_sent_all_the_same(api: Hub, model: Path) -> None:
    push(model, NEW, WHO)
    weights = bytearray((model / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (model / "model.safetensors").write_bytes(weights)
    push(model, NEW, WHO)
    assert api.objects["user/fresh/model.safetensors"] == bytes(weights)


def test_weights_of_an_earlier_push_that_would_be_taken_for_the_new_ones_are_told(api: Hub, model: Path) -> None:
    push(model, NEW, WHO)
    api.objects["user/fresh/model.safetensors.index.json"] = b"{}"
    with pytest.raises(HubError) as caught:
        push(model, NEW, WHO)
    assert caught.value.code == "hub_other_content"


def test_a_repo_that_holds_somebody_elses_model_is_left_alone(api: Hub, model: Path) -> None:
    before = dict(api.objects)
    with pytest.raises(HubError) as caught:
        push(model, Address("openxlab", "user/model"), WHO)
    assert caught.value.code == "hub_other_content" and api.objects == before


def test_a_look_at_what_has_arrived_that_breaks_off_is_an_error_as_any_other(api: Hub, model: Path) -> None:
    push(model, NEW, WHO)
    api.breaks[hashlib.sha256(api.objects[f"user/fresh/{MARK}"]).hexdigest()] = 1
    with pytest.raises(HubError) as caught:
        push(model, NEW, WHO)
    assert caught.value.code == "hub_unreachable"


def test_a_refusal_that_the_sdk_only_prints_is_an_error(api: Hub, model: Path) -> None:
    api.refuse_after = 2
    with pytest.raises(HubError) as caught:
        push(model, NEW, WHO)
    assert caught.value.code == "hub_refused"


def test_the_keys_are_nowhere_afterwards(
    api: Hub, model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    push(model, NEW, WHO)
    held = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    out = "".join(capfd.readouterr())
    assert all(secret.encode() not in held and secret not in out for secret in (SK, JWT))


def test_without_the_keys_git_has_the_last_word(api: Hub, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENXLAB_SK")
    with pytest.raises(HubError) as caught:
        push(model, NEW, WHO)
    assert caught.value.code == "hub_token_refused"
    assert not any(path.startswith("/api/") for _, path, _ in api.asked)


def test_folders_inside_are_refused_since_the_sdk_would_lose_them(api: Hub, model: Path) -> None:
    (model / "sub").mkdir()
    (model / "sub" / "a.json").write_text("{}")
    with pytest.raises(HubError) as caught:
        push(model, NEW, WHO)
    assert caught.value.code == "hub_push_only_flat"


def test_a_cancelled_push_ends(api: Hub, model: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(HubError) as caught:
        push(model, NEW, WHO, cancelled=lambda: bool(api.uploaded) or time.monotonic() > begun + 60)
    assert caught.value.code == "hub_cancelled"
