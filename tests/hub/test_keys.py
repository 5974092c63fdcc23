from __future__ import annotations

from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from hub import address, keys, openxlab_api


class Store(KeyringBackend):
    """A keyring that forgets everything when the test ends."""

    priority = 1.0

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password


@pytest.fixture
def store() -> Iterator[Store]:
    before = keyring.get_keyring()
    held = Store()
    keyring.set_keyring(held)
    yield held
    keyring.set_keyring(before)


def test_a_token_in_the_keyring_is_found_and_the_environment_goes_before_it(store: Store) -> None:
    keyring.set_password(keys.SERVICE, "HF_TOKEN", "kept")
    assert address.from_environment(address.parse("hf:user/model"), {}).token == "kept"
    assert address.from_environment(address.parse("hf:user/model"), {"HF_TOKEN": "given"}).token == "given"
    assert address.from_environment(address.parse("openxlab:user/model"), {}).token == ""


def test_an_empty_variable_hides_what_the_keyring_has(store: Store) -> None:
    keyring.set_password(keys.SERVICE, "OPENXLAB_AK", "the owner's")
    keyring.set_password(keys.SERVICE, "OPENXLAB_TOKEN", "the owner's")
    hidden = openxlab_api.NOBODY
    assert [keys.find(name, hidden) for name in ("OPENXLAB_AK", "OPENXLAB_SK", "OPENXLAB_TOKEN", "HF_TOKEN")] == [
        ""
    ] * 4


def test_a_locked_keyring_is_like_an_empty_one(store: Store) -> None:
    store.locked = True
    assert keys.find("HF_TOKEN", {}) == ""


def test_without_the_package_there_is_the_environment(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    keyring.set_password(keys.SERVICE, "HF_TOKEN", "kept")
    monkeypatch.setattr(keys, "find_spec", lambda name: None)
    assert keys.find("HF_TOKEN", {}) == "" and keys.find("HF_TOKEN", {"HF_TOKEN": " given "}) == "given"
