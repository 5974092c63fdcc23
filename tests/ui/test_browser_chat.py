"""The chat tab in a browser, with the real starter model: what happens between question and answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.real, pytest.mark.timeout(600)]

Visit = Callable[..., Any]
PATIENCE = 120_000


class Chat:
    """The English chat tab."""

    def __init__(self, page: Any) -> None:
        self.page = page
        page.get_by_role("tab", name="Chat").click()
        self.box = page.get_by_role("textbox", name="Message", exact=True)
        self.stop = self.button("Stop")
        self.answers, self.questions = page.get_by_test_id("bot"), page.get_by_test_id("user")

    def button(self, name: str) -> Any:
        return self.page.get_by_role("button", name=name, exact=True).filter(visible=True)

    def ask(self, text: str) -> None:
        self.box.fill(text)
        self.box.press("Enter")


def test_an_answer_can_be_stopped_repeated_and_cleared(starter_home: Path, visit: Visit) -> None:
    chat = Chat(visit("en-US"))
    chat.ask("Write a very long story about <b>bees</b> & honey.")
    expect(chat.box).to_have_value("")
    expect(chat.questions.first).to_contain_text("<b>bees</b> & honey")  # shown, not executed
    chat.answers.first.wait_for(timeout=PATIENCE)
    chat.stop.click()
    expect(chat.stop).to_be_disabled()
    begun = chat.answers.first.inner_text()
    chat.button("Answer again").click()
    expect(chat.stop).to_be_enabled()
    expect(chat.answers.first).to_contain_text(begun[:5], timeout=PATIENCE)  # greedy: it begins as before
    assert chat.questions.count() == 1
    chat.button("Clear").click()
    expect(chat.questions).to_have_count(0)
    expect(chat.stop).to_be_disabled()


def test_a_second_question_ends_the_first_answer_and_nothing_is_lost(starter_home: Path, visit: Visit) -> None:
    chat = Chat(visit("en-US"))
    chat.ask("Write a very long story about bees.")
    chat.answers.first.wait_for(timeout=PATIENCE)
    chat.button("Tell me about the moon.").click()
    chat.answers.nth(1).wait_for(timeout=PATIENCE)
    expect(chat.questions).to_have_count(2)
    expect(chat.stop).to_be_enabled()
    chat.stop.click()
    expect(chat.stop).to_be_disabled()


def test_a_second_question_asked_the_same_way_is_answered(starter_home: Path, visit: Visit) -> None:
    chat = Chat(visit("en-US"))
    chat.ask("Write a very long story about bees.")
    chat.answers.first.wait_for(timeout=PATIENCE)
    expect(chat.stop).to_be_enabled()
    chat.ask("Say yes.")
    chat.answers.nth(1).wait_for(timeout=PATIENCE)
    expect(chat.stop).to_be_disabled(timeout=PATIENCE)
    expect(chat.questions).to_have_count(2)


def test_a_second_question_to_be_compared_is_answered(starter_home: Path, visit: Visit) -> None:
    page = Chat(visit("en-US")).page
    question = page.get_by_placeholder("A question to all of them")
    stop = page.get_by_role("button", name="Stop comparing")
    page.locator(".compared small", has_text="weights").first.wait_for()
    question.fill("Write a very long story about bees.")
    question.press("Enter")
    answer = page.locator(".compared .said:not(.none)").first
    answer.wait_for(timeout=PATIENCE)
    expect(stop).to_be_enabled()
    question.fill("Say yes.")
    question.press("Enter")
    expect(stop).to_be_disabled(timeout=PATIENCE)
    expect(answer).not_to_contain_text("bees")


def test_an_empty_message_changes_nothing(starter_home: Path, visit: Visit) -> None:
    chat = Chat(visit("en-US"))
    chat.ask("   ")
    chat.button("Send").click()
    chat.button("Answer again").click()
    chat.ask("Say yes.")
    chat.answers.first.wait_for(timeout=PATIENCE)
    expect(chat.questions).to_have_count(1)
    expect(chat.button("Send")).to_have_text("Send")
