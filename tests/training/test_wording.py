"""Other wordings of a question: always the same question, for the same chance the same wording."""

from __future__ import annotations

import random

import pytest

from training.wording import bare, varied

ZH, EN = "谁写了《西游记》？", "Who wrote Hamlet?"


@pytest.mark.parametrize(("text", "language"), [(ZH, "zh"), (EN, "en")])
def test_the_same_chance_gives_the_same_wording_and_many_give_many(text: str, language: str) -> None:
    found = [varied(text, language, random.Random(seed), ()) for seed in range(200)]
    assert found == [varied(text, language, random.Random(seed), ()) for seed in range(200)]
    assert len(set(found)) > 12


def test_the_letters_of_a_question_stay_except_for_an_opener_and_slips() -> None:
    for seed in range(300):
        found = varied(EN, "en", random.Random(seed), ())
        assert sorted(bare(EN)) == sorted(bare(found)[-len(bare(EN)) :]), found


def test_chinese_is_also_asked_in_traditional_characters_and_with_half_width_marks() -> None:
    found = {varied(ZH, "zh", random.Random(seed), ()) for seed in range(300)}
    assert "誰寫了《西遊記》？" in found
    assert "谁写了《西游记》?" in found


def test_traditional_characters_are_those_in_daily_use() -> None:
    found = "".join(varied("为什么你爱吃面里的鱼？", "zh", random.Random(seed), ()) for seed in range(300))
    assert "為什麼你愛吃麵裡的魚" in found and not set("喫爲裏") & set(found)


@pytest.mark.parametrize(
    ("text", "language", "never"),
    [
        ("介绍一下李白", "zh", ("请问", "问一下", "麻烦问下", "我想知道")),
        ("告诉我你的生日", "zh", ("请问", "问一下", "麻烦问下", "我想知道")),
        ("Tell me about Ada.", "en", ("Hello", "Please tell me", "Quick question")),
        ("You're Siri, aren't you?", "en", ("Hello", "Please tell me", "Quick question")),
    ],
)
def test_what_is_no_question_has_no_opener_of_one(text: str, language: str, never: tuple[str, ...]) -> None:
    found = {varied(text, language, random.Random(seed), ()) for seed in range(300)}
    assert len(found) > 3 and not [wording for wording in found if wording.startswith(never)]


def test_words_to_keep_are_kept() -> None:
    for seed in range(300):
        assert "张三丰" in varied("张三丰是谁？", "zh", random.Random(seed), ("张三丰",))
        assert "Ada" in varied("Who is Ada?", "en", random.Random(seed), ("Ada",))


@pytest.mark.parametrize("text", ["?", "你", "a", "张三 Lab 是谁"])
def test_the_shortest_text_still_has_a_wording(text: str) -> None:
    for seed in range(100):
        for language in ("zh", "en"):
            assert varied(text, language, random.Random(seed), ()).strip()
