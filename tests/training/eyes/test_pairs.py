from __future__ import annotations

import json

import pytest

from training.errors import UserError
from training.eyes import pairs


@pytest.mark.parametrize(
    ("text", "talks"),
    [
        ("", []),
        (" \n ", []),
        ("问：这是什么？\n答：一只猫。", [("这是什么？", "一只猫。")]),
        ("Q: What?\nA: A cat.\nQ: Where?\nA: On the sofa.", [("What?", "A cat.", "Where?", "On the sofa.")]),
        ("Q: What?\nA: A cat.\n\nQ: Where?\nA: There.", [("What?", "A cat."), ("Where?", "There.")]),
        ("Q1: What?\nA1: A cat,\nblack.\n\nand white.", [("What?", "A cat,\nblack.\n\nand white.")]),
        ("User: What?\nAssistant: A cat.", [("What?", "A cat.")]),
        ("这是什么？\n一只猫。\n在哪里？\n沙发上。", [("这是什么？", "一只猫。", "在哪里？", "沙发上。")]),
        ("What?\nA cat.\n\nWhere?\nThere.", [("What?", "A cat."), ("Where?", "There.")]),
        ("What?\tA cat.\nWhere?\tThere.", [("What?", "A cat."), ("Where?", "There.")]),
        ("一只橘色的猫。", [("描述一下这张图片。", "一只橘色的猫。")]),
        ("<image>\nWhat?\nA cat.", None),
        ("Q: <image>\nWhat?\nA: A cat.", [("What?", "A cat.")]),
        ("问:半角冒号\n答:也可以", [("半角冒号", "也可以")]),
    ],
)
def test_what_people_type_is_read(text: str, talks: list[tuple[str, ...]] | None) -> None:
    if talks is None:
        with pytest.raises(UserError):
            pairs.read(text)
    else:
        assert pairs.read(text) == talks


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_told_is_read_again(language: str) -> None:
    talks = [("What?", "A cat,\nblack.", "这是？", "猫。"), ("Describe.", "One\n\ncat."), ("[1]", "{x}")]
    assert pairs.read(pairs.told(talks, language)) == talks


def test_a_row_of_llava_may_be_pasted() -> None:
    turns = [{"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A cat."}]
    for pasted in (turns, {"id": 1, "image": "a.png", "conversations": turns}, [{"conversations": turns}]):
        assert pairs.read(json.dumps(pasted)) == [("What?", "A cat.")]


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("Q: What?\nQ: Where?\nA: There.", "pairs_question", "2"),
        ("A: A cat.", "pairs_answer", "1"),
        ("Q: What?\nA: A cat.\nA: A dog.", "pairs_answer", "3"),
        ("Hello\nQ: What?\nA: A cat.", "pairs_begin", "1"),
        ("Q: What?", "pairs_unanswered", "What?"),
        ("这是什么？", "pairs_unanswered", "这是什么？"),
        ("What?\nA cat.\nWhere?", "pairs_odd", "3"),
        ("Q: What?\nA:", "pairs_empty", "1"),
        ("Q:\nA: A cat.", "pairs_empty", "1"),
        ("Q: What?\nA: A <image> cat.", "llava_token_misplaced", "<image>"),
        ('[{"from": "human", "value": "What?"}]', "llava_turns", "2"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, code: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        pairs.read(text)
    assert caught.value.code == code
    assert all(words in caught.value.sentence(language) for language in ("zh", "en"))
