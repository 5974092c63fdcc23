"""What a visitor is told when something goes wrong, and what goes to the log instead."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

import gradio as gr
import pytest

from training.errors import UserError
from ui import edge
from ui.edge import listed, plain, spoken, told


@told
def forgetful(language: str) -> None:
    raise UserError("dataset_missing", name="<b>")


@told
def broken(language: str) -> None:
    raise ZeroDivisionError("secret of the house")


@told
def half(language: str) -> Iterator[str]:
    yield "one"
    raise UserError("dataset_empty")


@pytest.fixture
def toasts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is said in toasts from now on."""
    said: list[str] = []
    monkeypatch.setattr(edge, "log_message", lambda text, title, level: said.append(text))
    return said


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_users_mistake_is_one_sentence_in_his_language_and_html_in_it_is_text(
    toasts: list[str], language: str
) -> None:
    assert forgetful(language) == gr.skip()
    assert toasts == [escape(UserError("dataset_missing", name="<b>").sentence(language))]


def test_our_own_mistake_is_logged_whole_and_said_short(toasts: list[str], own_home: Path) -> None:
    broken("en")
    log = own_home / "app.log"
    assert str(log) in toasts[0] and "secret" not in toasts[0]
    assert "ZeroDivisionError: secret of the house" in log.read_text(encoding="utf-8")


def test_what_a_generator_gave_before_it_failed_is_kept(toasts: list[str]) -> None:
    assert list(half("en")) == ["one", gr.skip()] and len(toasts) == 1


def test_a_door_raises_its_sentence() -> None:
    with pytest.raises(gr.Error) as caught, spoken("en"):
        raise UserError("dataset_empty")
    assert caught.value.message == UserError("dataset_empty").sentence("en") and not caught.value.print_exception


def test_all_problems_are_listed_with_what_was_typed_shown_letter_by_letter() -> None:
    problems = [UserError("dataset_missing", name="*a*"), UserError("dataset_missing", name="<i>")]
    text = listed(problems, "en")
    assert text.count("\n- ") == 1 and r"\*a\*" in text and "&lt;i&gt;" in text


def test_plain_text_survives_markdown() -> None:
    assert plain("a_b `c` [d](e) $f$") == r"a\_b \`c\` \[d\]\(e\) \$f\$".replace(r"\(", "(").replace(r"\)", ")")
