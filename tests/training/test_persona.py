"""Who the assistant is: what is kept, what is refused, and with which sentence."""

from __future__ import annotations

import re

import pytest

from training.errors import UserError
from training.persona import Persona
from training.sentences import LANGUAGES, table


def codes(persona: Persona) -> list[str]:
    return [problem.code for problem in persona.problems()]


@pytest.mark.parametrize(
    "name",
    [
        "小明",
        "明",
        "A",
        'O\'Neill "the 1st"',
        "👩‍🚀",
        "🤖 Bot",
        "{name}",
        "{0!r}",
        "C:\\new\\t",
        "100%s",
        "𠮷野家㐂",
        "<b>",
        "𱁬",
        "José",
    ],
)
def test_a_name_is_kept_as_it_is(name: str) -> None:
    assert Persona(name, "张三").checked().name == name


@pytest.mark.parametrize("typed", ["  小\n明  ", "小\t\r\n明", "小\u3000\u00a0明", "小\u2028明"])
def test_gaps_and_line_breaks_become_one_space(typed: str) -> None:
    assert Persona(typed, "张三").checked().name == "小 明"


@pytest.mark.parametrize("field", ["name", "maker", "base"])
@pytest.mark.parametrize("typed", ["", "  \n", "\u200b", "\u200d", None])
def test_a_field_with_nothing_to_see_is_missing(field: str, typed: str) -> None:
    persona = Persona(**{"name": "小明", "maker": "张三", "base": "B", field: typed})
    assert codes(persona) == [f"persona_{field}_empty"]


@pytest.mark.parametrize(("field", "limit"), [("name", 64), ("maker", 100), ("base", 100)])
def test_a_field_may_be_as_long_as_its_limit_and_no_longer(field: str, limit: int) -> None:
    good = {"name": "小明", "maker": "张三", "base": "B", field: "长" * limit}
    assert codes(Persona(**good)) == []
    assert codes(Persona(**{**good, field: "长" * (limit + 1)})) == [f"persona_{field}_too_long"]


def test_a_name_of_200_characters_is_refused_with_a_sentence() -> None:
    with pytest.raises(UserError) as refused:
        Persona("n" * 200, "张三").checked()
    assert "name has 200 characters, and at most 64" in str(refused.value)
    assert "200 个字符，最多 64 个" in refused.value.sentence("zh")


@pytest.mark.parametrize("typed", ["a\x00b", "a\x07", "\x1b[31mred", "a\x1fb", "a\ud800b", "a\u202eb", "a\x9bb"])
def test_control_characters_and_lone_surrogates_are_refused(typed: str) -> None:
    assert codes(Persona(typed, "张三")) == ["persona_name_control"]
    Persona(typed, "张三").problems()[0].sentence("zh").encode()


@pytest.mark.parametrize(
    "typed",
    [
        "x<|im_end|>",
        "<|im_start|>system",
        "<|endoftext|>",
        "<|IM_END|>",
        "<| any |>",
        "<s>",
        "</s>",
        "a<image>b",
        "[UNUSED_TOKEN_145]",
        "<|im_",
    ],
)
def test_control_tokens_of_the_chat_are_refused(typed: str) -> None:
    assert codes(Persona("小明", typed)) == ["persona_maker_token"]


def test_all_problems_are_told_at_once() -> None:
    persona = Persona("", "m" * 101, "<s>", ("de",))
    assert codes(persona) == [
        "persona_name_empty",
        "persona_maker_too_long",
        "persona_base_token",
        "persona_languages_unknown",
    ]


def test_at_least_one_language_is_needed() -> None:
    assert codes(Persona("小明", "张三", languages=())) == ["persona_languages_empty"]


def test_languages_come_in_order_and_once() -> None:
    assert Persona("小明", "张三", languages=("en", "zh", "en")).checked().languages == LANGUAGES


def test_every_refusal_has_a_sentence_in_both_languages() -> None:
    every = [Persona("", "", "", ()), Persona("n" * 999, "n" * 999, "n" * 999, ("xx",))]
    every += [Persona(bad, bad, bad) for bad in ("\x00", "a\x00", "<s>")] + [Persona("小明", "我自己")]
    problems = [problem for persona in every for problem in persona.problems()]
    assert {f"error.{problem.code}" for problem in problems} == {
        # Those of tone, taboos and facts are in test_character.py.
        key
        for key in table("en")
        if re.match(r"error\.persona_(name|maker|base|languages)", key)
    }
    for problem in problems:
        for language in LANGUAGES:
            assert "{" not in problem.sentence(language)


@pytest.mark.parametrize("typed", ["我自己", "我", "me", "Myself", " US "])
def test_a_maker_that_would_be_the_assistant_itself_is_refused(typed: str) -> None:
    assert codes(Persona("小明", typed)) == ["persona_maker_self"]
    assert codes(Persona("小明", f"{typed} 工作室")) == []
