"""The studio's door: wrong passwords cost whoever gives them, and the owner next to nothing."""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

import pytest

from ui.caller import asking
from ui.password import Password

OWNER, STRANGER, UNKNOWN = "1.1.1.1", "8.8.8.8", ""


class Door:
    """A door with a clock of its own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waited: list[float] = []
        self._password = Password("open sesame", clock=lambda: self.now, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        await asyncio.sleep(0)

    async def try_(self, address: str, given: str) -> bool:
        asking.set(address)
        return await self._password.lets_in("anybody", given)

    def opens(self, address: str, given: str = "open sesame") -> bool:
        return asyncio.run(self.try_(address, given))

    def many(self, address: str, count: int) -> list[bool]:
        async def at_once() -> list[bool]:
            return list(await asyncio.gather(*(self.try_(address, "wrong") for _ in range(count))))

        return asyncio.run(at_once())


@pytest.fixture
def door() -> Door:
    return Door()


def test_after_five_wrong_passwords_an_address_waits_and_the_owner_does_not(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [door.opens(STRANGER, "wrong") for _ in range(5)] == [False] * 5
    assert not door.opens(STRANGER) and f"closed to {STRANGER}" in capsys.readouterr().err
    assert door.opens(OWNER)
    door.now = 301.0
    assert door.opens(STRANGER)


def test_the_right_password_forgives_the_wrong_ones_before(door: Door) -> None:
    for _ in range(3):
        assert [door.opens(OWNER, "wrong") for _ in range(4)] == [False] * 4 and door.opens(OWNER)


def test_a_thousand_strangers_slow_the_owner_down_by_ten_seconds_for_a_minute_and_no_more(door: Door) -> None:
    for number in range(1000):
        door.opens(f"8.8.{number // 250}.{number % 250}", "wrong")
    assert door.opens(OWNER) and door.waited[-1] == 10
    door.now = 61.0
    assert door.opens(OWNER) and door.waited[-1] == 0


def test_whoever_comes_through_a_proxy_that_does_not_tell_is_slowed_down_but_not_locked_out(door: Door) -> None:
    for _ in range(100):
        assert not door.opens(UNKNOWN, "wrong")
    assert door.waited[-1] == 10 and door.opens(UNKNOWN)


def test_tries_at_once_are_not_more_tries(door: Door) -> None:
    door.many(STRANGER, 50)
    assert len(door.waited) == 2
    door.many(UNKNOWN, 50)
    assert len(door.waited) == 22


def test_what_is_remembered_of_strangers_has_an_end(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.password._REMEMBERED", 10)
    for number in range(50):
        door.opens(f"8.8.8.{number}", "wrong")
    assert len(door._password._wrong) == 10 and not door._password._trying


def test_passwords_are_compared_in_constant_time(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[Any] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert not door.opens(OWNER, "öpen \ud800") and not door.opens(OWNER, "") and door.opens(OWNER)
    assert len(compared) == 3
