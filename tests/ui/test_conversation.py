"""A chat without a page: whose turn it is, what there is to talk to, how messages are shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.engine import Message, Sampling
from training import home, models
from training.errors import UserError
from ui import conversation
from ui.conversation import Turn, answered, choices, fetching, folder_of, shown


class Talker:
    """A process whose answers are scripted."""

    def __init__(self, *pieces: str) -> None:
        self.pieces, self.closed = pieces, False

    def stream(self, messages: list[Message], sampling: Sampling) -> Iterator[str]:
        try:
            yield from self.pieces
        finally:
            self.closed = True


def test_a_new_question_gives_up_the_one_before() -> None:
    turn = Turn()
    turn.ask()
    first = turn.asked
    assert turn.open and first > turn.closed
    turn.ask()
    assert turn.open and first <= turn.closed < turn.asked


def test_the_end_of_a_given_up_answer_does_not_close_the_new_question() -> None:
    turn = Turn()
    turn.ask()
    turn.ask()
    turn.close(1)
    assert turn.open
    turn.close()
    assert not turn.open


def test_a_cleared_conversation_stays_cleared_until_something_is_asked() -> None:
    turn = Turn()
    assert turn.cleared == turn.asked == 0
    turn.ask()
    turn.clear()
    assert not turn.open and turn.cleared == turn.asked == 1
    turn.ask()
    assert turn.open and turn.cleared < turn.asked


def test_an_answer_grows_and_ends_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "SECONDS_BETWEEN_PIECES", 0)
    process: Any = Talker("", "I am", " Robin.")
    parts = list(answered(process, [], Sampling()))
    assert parts == ["", "I am", "I am Robin.", "I am Robin."] and process.closed


def test_closing_an_answer_stops_the_model() -> None:
    process: Any = Talker("I", "am")
    parts = answered(process, [], Sampling())
    next(parts)
    parts.close()
    assert process.closed


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("<b>x</b> & y", "&lt;b>x&lt;/b> &amp; y"),
        ("use `<i>` here", "use `<i>` here"),
        ("```html\n<p>\n```\n<p>", "```html\n<p>\n```\n&lt;p>"),
        ("a:\n- b\n  ```\n  x < y\n  ```\n<p>", "a:\n- b\n  ```\n  x < y\n  ```\n&lt;p>"),
        ("- b\n  ```\n<p>\n  ```", "- b\n  ```\n&lt;p>\n  ```"),
        ("``<img src=x>`", "``&lt;img src=x>`"),
        ("\\`<b>hi</b>`", "\\`&lt;b>hi&lt;/b>`"),
        ("`a\nb` <b> `c`", "`a\nb` &lt;b> `c`"),
        ("a|b\n-|-\n`<b>|</b>`", "a|b\n-|-\n`&lt;b>|&lt;/b>`"),
        ("`` a ` < b ``, <b>", "`` a ` < b ``, &lt;b>"),
        ("```\n<script>never closed", "```\n<script>never closed"),
    ],
)
def test_html_is_text_and_code_is_code(said: str, seen: str) -> None:
    assert shown([{"role": "assistant", "content": said}], "en")[0]["content"] == seen


@pytest.mark.parametrize("language", ["zh", "en"])
def test_there_is_always_the_starter_to_talk_to(language: str) -> None:
    (label, value) = choices(language)[-1]
    assert value == models.STARTER and "SmolLM2" in label


def test_a_model_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(UserError, match="nowhere"):
        folder_of("nowhere")


def test_fetching_says_how_far_it_is_and_hands_on_what_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def ensure(tell: Any) -> None:
        tell("download", 0.4)
        raise UserError("model_missing", model="starter")

    monkeypatch.setattr(models.starter, "ensure", ensure)
    news = fetching(models.STARTER, "en")
    assert "40%" in next(news)
    with pytest.raises(UserError):
        next(news)


def test_a_question_is_answered_once_however_often_the_answer_is_called_for() -> None:
    turn = Turn()
    assert not turn.begin()
    turn.ask()
    assert turn.begin() and not turn.begin()
    turn.close()
    assert not turn.begin()
    turn.ask()
    turn.close()  # stopped before it was begun
    assert not turn.begin()


def test_a_run_whose_settings_cannot_be_read_is_listed_by_its_number_and_hides_no_other(own_home: Path) -> None:
    for name in ("broken", "whole"):
        (home.runs_dir() / name / "merged").mkdir(parents=True)
    (home.runs_dir() / "whole" / "spec.json").write_text(json.dumps({"name": "Robin", "recipe": {}}))
    (home.runs_dir() / "broken" / "spec.json").write_text("{")
    listed = {value: label for label, value in choices("en")}
    assert listed["broken"] == "broken" and listed["whole"].startswith("Robin") and models.STARTER in listed
