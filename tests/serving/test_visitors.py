"""What visitors of an open page are granted."""

from __future__ import annotations

from collections import deque

import pytest

from serving.engine import Sampling
from serving.visitors import Limits, Visitors
from training.errors import UserError


def test_a_question_may_be_as_long_as_granted_and_no_longer() -> None:
    visitors = Visitors(Limits(characters=5))
    visitors.admit(deque(), "你是谁吗？")
    with pytest.raises(UserError) as caught:
        visitors.admit(deque(), "123456")
    assert caught.value.code == "question_too_long" and "5" in caught.value.sentence("en")


def test_who_asks_too_often_waits_until_a_minute_has_passed_and_others_do_not() -> None:
    now = [0.0]
    visitors, mine = Visitors(Limits(a_minute=2), clock=lambda: now[0]), deque[float]()
    for now[0] in (0.0, 10.0):
        visitors.admit(mine, "?")
    with pytest.raises(UserError) as caught:
        visitors.admit(mine, "?")
    assert caught.value.code == "too_often" and caught.value.details["seconds"] == 50
    visitors.admit(deque(), "?")
    now[0] = 60.5
    visitors.admit(mine, "?")


def test_the_line_tells_how_many_stand_before_and_ends_at_its_most() -> None:
    visitors = Visitors(Limits(at_once=2))
    with visitors.place() as first:
        with visitors.place() as second:
            assert (first(), second()) == (0, 1)
            with pytest.raises(UserError, match="2 questions are waiting"), visitors.place():
                pass
        with visitors.place() as third:
            assert third() == 1
    with visitors.place() as alone:
        assert alone() == 0


def test_one_address_cannot_take_the_whole_line_and_unknown_ones_are_nobody() -> None:
    visitors = Visitors(Limits(at_once=3, at_once_each=1))
    with visitors.place("8.8.8.8"):
        with pytest.raises(UserError, match="waiting"), visitors.place("8.8.8.8"):
            pass
        with visitors.place("1.1.1.1"), visitors.place():
            pass
        with visitors.place(), visitors.place():
            pass
    with visitors.place("8.8.8.8"):
        pass


def test_an_answer_is_cut_where_granted_and_a_long_system_prompt_is_refused() -> None:
    visitors = Visitors(Limits(characters=5, tokens=64))
    assert visitors.granted(Sampling(max_tokens=1024)).max_tokens == 64
    assert visitors.granted(Sampling(max_tokens=16)).max_tokens == 16
    with pytest.raises(UserError, match="At most 5 characters"):
        visitors.granted(Sampling(), "123456")


def test_an_answer_is_never_granted_half_a_token() -> None:
    granted = Visitors().granted(Sampling(max_tokens=100.5))  # type: ignore[arg-type]
    assert granted.max_tokens == 100 and not granted.problems()
