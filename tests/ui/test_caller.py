"""Who counts as one caller, and how much of the server he may take."""

from __future__ import annotations

import pytest

from ui.caller import caller
from ui.crowd import Crowd


@pytest.mark.parametrize(
    ("host", "counts_as"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("2a00:1450:4001:81b::200e", "2a00:1450:4001:81b::/64"),
        ("127.0.0.1", ""),
        ("10.1.2.3", ""),
        ("100.64.0.1", ""),
        ("nobody", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_public_address_is_somebody_and_a_private_one_may_be_anybody(host: str | None, counts_as: str) -> None:
    assert caller(host) == counts_as


def test_one_caller_may_have_so_many_requests_under_way_and_others_do_not_notice() -> None:
    crowd = Crowd(at_once=2)
    with crowd.place("8.8.8.8") as first, crowd.place("8.8.8.8") as second:
        with crowd.place("8.8.8.8") as third, crowd.place("1.1.1.1") as other, crowd.place("") as unknown:
            assert (first, second, third, other, unknown) == (True, True, False, True, True)
        with crowd.place("8.8.8.8") as fourth:
            assert not fourth
    with crowd.place("8.8.8.8") as later:
        assert later


def test_one_caller_may_ask_so_often_in_a_minute() -> None:
    now = [0.0]
    crowd = Crowd(a_minute=3, clock=lambda: now[0])

    def asks(costly: bool = True) -> bool:
        with crowd.place("8.8.8.8", costly) as welcome:
            return welcome

    assert [asks() for _ in range(5)] == [True, True, True, False, False]
    assert asks(costly=False)
    now[0] = 60.0
    assert asks()


def test_what_is_remembered_of_callers_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.crowd._REMEMBERED", 10)
    crowd = Crowd()
    for number in range(50):
        with crowd.place(f"8.8.8.{number}"):
            pass
    assert len(crowd._counted) == 10 and not crowd._now
