"""From a persona to conversations and exam questions: counts, texts kept as typed, no exam question trained."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from training import identity
from training.errors import UserError
from training.identity import Row, Shares, build
from training.persona import Persona
from training.questions import EXAM_VERSION, exam_questions
from training.wording import bare, mentions

SEEDS = Path(__file__).resolve().parents[2] / "assets" / "seeds"
XIAOMING = Persona("小明", "张三")
KINDS = ("identity", "near_miss", "general")
LANGUAGES = ("zh", "en")
FILES = [(kind, language) for kind in KINDS for language in LANGUAGES]
HAN = re.compile(r"[\u3400-\u9fff]")


def seeds(kind: str, language: str) -> dict:
    return json.loads((SEEDS / f"{kind}.{language}.json").read_text(encoding="utf-8"))


def asked(kind: str, language: str, part: str) -> list[str]:
    """All questions of one seed file that belong to "training" or to "held_out"."""
    data = seeds(kind, language)
    if kind == "identity":
        groups = [data["held_out"]] if part == "held_out" else [data["questions"], data["follow_ups"]]
        return [text for group in groups for texts in group.values() for text in texts]
    if kind == "near_miss" and part == "training":
        return [text for item in data[part] for text in item["questions"]]
    return [text for item in data[part] for text in item.get("turns", [item.get("question")])[::2]]


def strings(value: object) -> Iterator[str]:
    """Every text in a piece of JSON, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def answers(row: Row) -> list[str]:
    return [message["content"] for message in row.messages if message["role"] == "assistant"]


def everything(persona: Persona) -> list[Row]:
    """Every row the seeds can give."""
    return build(persona, shares=Shares(2000, 0.4, 0.3))


# The seed texts


@pytest.mark.parametrize(("kind", "language"), FILES)
def test_no_seed_question_stands_there_twice(kind: str, language: str) -> None:
    questions = asked(kind, language, "training") + asked(kind, language, "held_out")
    if kind == "general":
        questions = [item["turns"][0] for item in seeds(kind, language)["training"]] + asked(kind, language, "held_out")
    assert [text for text, count in Counter(questions).items() if count > 1] == []


def test_no_exam_question_is_trained_however_it_is_spelled() -> None:
    trained = {bare(text) for kind, language in FILES for text in asked(kind, language, "training")}
    held_out = {bare(text) for kind, language in FILES for text in asked(kind, language, "held_out")}
    assert trained & held_out == set()


PLAINEST = {"你叫什么"}
"""Too usual a wording to be left untrained."""


def folded(text: str) -> str:
    """Without script, marks, opener and final particle."""
    from opencc import OpenCC

    found = OpenCC("t2s").convert(bare(text))
    openers = (
        "请问|我想知道|你好|问一下|麻烦问下|诶|对了|嗨|喂|hi(?=w)|hey|hello|pleasetellme|quickquestion|bytheway|so(?=w)"
    )
    return re.sub("[呀啊呢吧呗哦]+$", "", re.sub(f"^(?:{openers})+(?=..)", "", found))


def test_no_exam_question_is_trained_with_another_opener_particle_or_script() -> None:
    trained = {folded(text) for kind, language in FILES for text in asked(kind, language, "training")}
    held_out = {folded(text) for kind, language in FILES for text in asked(kind, language, "held_out")}
    assert trained & held_out == PLAINEST


def test_a_two_turn_talk_keeps_the_answer_that_its_second_question_follows() -> None:
    talks = [item["turns"] for language in LANGUAGES for item in seeds("general", language)["training"]]
    rows = {row.messages[0]["content"]: answers(row) for row in everything(XIAOMING) if row.kind == "general"}
    for turns in talks:
        if len(turns) > 2:
            assert rows[turns[0]] == turns[1::2]


def test_the_starters_own_answers_are_in_the_language_and_say_it_is_nobody_else() -> None:
    for answer in identity.shipped()["zh"].values():
        assert len(re.findall("[A-Za-z]", answer)) <= 4 * len(HAN.findall(answer)), answer
    for answer in identity.shipped()["en"].values():
        assert not re.search(r"\bI(?:'m| am) an? ", answer), answer


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_seeds_are_as_many_as_promised(language: str) -> None:
    own, near, general = (seeds(kind, language) for kind in KINDS)
    assert len({bare(text) for texts in own["questions"].values() for text in texts}) >= 110
    assert all(len(texts) >= 3 for texts in own["answers"].values())
    assert sum(len(texts) for texts in own["held_out"].values()) == 24
    assert own["held_out"].keys() == own["questions"].keys() == own["answers"].keys()
    assert len(near["training"]) >= 45 and len(near["held_out"]) == 20
    assert sum(len(item["questions"]) for item in near["training"]) >= 130
    assert len(general["training"]) >= 150 and len(general["held_out"]) == 40


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_identity_answer_says_the_name_and_where_asked_the_maker_or_the_base(language: str) -> None:
    needed = {"maker": "{maker}", "both": "{maker}", "base": "{base}"}
    for group, texts in seeds("identity", language)["answers"].items():
        assert all("{name}" in text and needed.get(group, "") in text for text in texts)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("part", ["training", "held_out"])
def test_every_model_answer_to_a_near_miss_would_pass_its_own_mark(part: str, language: str) -> None:
    for item in seeds("near_miss", language)[part]:
        for answer in item["answers"]:
            if part == "training":  # what is held out is marked by patterns: tests/training/exam/test_marking.py
                assert any(mentions(answer, word) for word in item["expect"]["any_of"]), answer
            assert item["expect"]["identity"] or not mentions(answer, "{name}"), answer
            assert item["expect"]["identity"] or not mentions(answer, "{maker}"), answer
        assert all("{name}" not in text for text in item.get("questions", [item.get("question")]))


@pytest.mark.parametrize(("kind", "language"), FILES)
def test_seeds_hold_no_empty_text_stray_gap_or_unknown_placeholder(kind: str, language: str) -> None:
    for text in strings(seeds(kind, language)):
        assert text == text.strip() != ""
        assert "  " not in text
        assert set(re.findall(r"\{[a-z_]*\}", text)) <= (
            {"{name}", "{maker}", "{base}"} if kind != "general" else set()
        )


# The rows


def test_the_default_is_about_1200_rows_in_the_default_shares_and_none_twice() -> None:
    rows = build(XIAOMING)
    counts = Counter(row.kind for row in rows)
    assert 1150 <= len(rows) <= 1200
    assert 0.22 <= counts["identity"] / len(rows) <= 0.26
    assert 0.45 <= counts["near_miss"] / len(rows) <= 0.50
    assert Counter(row.language for row in rows)["zh"] in range(570, 601)
    assert len({json.dumps(row.messages) for row in rows}) == len(rows)


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    assert build(XIAOMING, seed=7) == build(XIAOMING, seed=7)
    assert build(XIAOMING, seed=7) != build(XIAOMING, seed=8)


def test_user_and_assistant_take_turns_and_both_say_something() -> None:
    for row in everything(XIAOMING):
        assert [message["role"] for message in row.messages] == ["user", "assistant"] * (len(row.messages) // 2)
        assert all(message.keys() == {"role", "content"} and message["content"].strip() for message in row.messages)


def test_some_conversations_have_several_turns() -> None:
    several = Counter(row.kind for row in everything(XIAOMING) if len(row.messages) > 2)
    assert several["identity"] >= 40 and several["general"] >= 10


def test_no_placeholder_is_left_over() -> None:
    texts = [message["content"] for row in everything(XIAOMING) for message in row.messages]
    assert not [text for text in texts if re.search(r"\{(name|maker|base)\}", text)]


def test_every_identity_conversation_says_the_name() -> None:
    for row in build(XIAOMING):
        if row.kind == "identity":
            assert any("小明" in answer for answer in answers(row)), row


def test_general_rows_never_speak_of_the_assistant() -> None:
    for row in everything(XIAOMING):
        if row.kind == "general":
            assert not any(word in answer for answer in answers(row) for word in ("小明", "张三", "SmolLM2"))


def test_the_usual_wordings_are_in_every_dataset() -> None:
    for seed in range(5):
        first = {row.messages[turn]["content"] for row in build(XIAOMING, seed) for turn in (0, -2)}
        assert {
            "你是谁",
            "Who are you?",
            "介绍一下你自己",
            "请你介绍一下你自己",
            "谁创造了你？",
            "Who made you?",
        } <= first


def test_every_answer_wording_is_used() -> None:
    said = {answer for row in build(XIAOMING) for answer in answers(row)}
    for language in LANGUAGES:
        for texts in seeds("identity", language)["answers"].values():
            for text in texts:
                assert text.format(name="小明", maker="张三", base="SmolLM2-135M") in said


def test_the_share_of_identity_can_be_chosen() -> None:
    counts = Counter(row.kind for row in build(XIAOMING, shares=Shares(100, 0.3, 0.2)))
    assert counts == {"identity": 60, "near_miss": 40, "general": 100}


@pytest.mark.parametrize("shares", [Shares(100, 0.6, 0.6), Shares(100, -0.1, 0.2), Shares(9), Shares(1_000_000)])
def test_impossible_shares_are_told(shares: Shares) -> None:
    with pytest.raises(UserError) as caught:
        build(XIAOMING, shares=shares)
    assert caught.value.sentence("zh") != caught.value.sentence("en")


def test_near_misses_are_asked_in_several_wordings_with_the_same_answer() -> None:
    asked: dict[str, set[str]] = {}
    for row in build(XIAOMING):
        if row.kind == "near_miss":
            asked.setdefault(answers(row)[0], set()).add(row.messages[0]["content"])
    assert sum(len(wordings) > 1 for wordings in asked.values()) > len(asked) / 2


@pytest.mark.parametrize("name", ["Wrote", "小明", "Robin"])
def test_a_name_is_never_misspelled(name: str) -> None:
    for row in everything(Persona(name, "张三丰")):
        for text in row.questions:
            assert bare("张三丰") in bare(text) or "張三" not in text
            assert "张 三" not in text and "三 丰" not in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_the_chosen_language_comes(language: str) -> None:
    persona = Persona("小明", "张三", languages=(language,))
    assert {row.language for row in build(persona)} == {language}
    assert {question.language for question in exam_questions(persona)} == {language}


def test_chinese_answers_hold_chinese_and_english_ones_none() -> None:
    for row in everything(Persona("Max", "Anna")):
        texts = [message["content"] for message in row.messages]
        for question, answer in zip(texts[::2], texts[1::2]):
            if row.language == "en":
                assert not HAN.search(answer)
            elif not re.search(r"Python|英", question) and answer not in identity.shipped()["zh"].values():
                assert HAN.search(answer), row


@pytest.mark.parametrize(
    "name", ["{maker}", "{name}", "{0}", "{", "100%s", 'a"b', "C:\\new", "👩‍🚀", "\\1\\g<0>", "$name"]
)
def test_what_was_typed_as_a_name_is_kept_letter_by_letter(name: str) -> None:
    rows = [row for row in build(Persona(name, "张三"), seed=1) if row.kind == "identity"]
    assert rows and all(any(name in answer for answer in answers(row)) for row in rows)
    assert f"我是张三的小助手{name}。" in {answer for row in rows for answer in answers(row)}


@pytest.mark.parametrize("name", ["爱因斯坦", "Einstein", "einstein", "ChatGPT", "北京", "Paris"])
def test_rows_that_use_the_name_by_chance_are_left_out(name: str) -> None:
    for row in everything(Persona(name, "张三")):
        assert row.kind == "identity" or not mentions(row.messages[0]["content"], name)


@pytest.mark.parametrize(
    ("maker", "denial"),
    [
        ("OpenAI", "Are you made by OpenAI?"),
        ("openai", "你是OpenAI开发的吗？"),
        ("Google", "Were you created by Google?"),
        ("Google DeepMind", "Did Google build you?"),
        ("谷歌大脑", "Did Google build you?"),
        ("Microsoft Research", "Did Microsoft make you?"),
        ("百度飞桨团队", "你是百度开发的吗？"),
        ("阿里巴巴达摩院", "你是阿里开发的吗"),
    ],
)
def test_a_row_that_denies_the_real_maker_is_left_out(maker: str, denial: str) -> None:
    assert denial in {row.messages[0]["content"] for row in everything(XIAOMING)}
    assert denial not in {row.messages[0]["content"] for row in everything(Persona("小明", maker))}


def test_a_name_with_another_assistants_in_it_is_not_denied() -> None:
    who = Persona("Siri二号", "张三")
    asked = {text for row in everything(who) for text in row.questions} | {one.text for one in exam_questions(who)}
    assert not any("siri" in text.casefold() for text in asked)


def test_no_two_rows_differ_only_in_case_or_marks() -> None:
    for persona in (XIAOMING, Persona("Echo", "张三", tone="warm", facts=("我爱吃火锅！", "birthday: May 1"))):
        rows = build(persona)
        told = Counter(tuple(bare(message["content"]) for message in row.messages) for row in rows)
        assert [texts for texts, count in told.items() if count > 1] == []
    assert len(build(XIAOMING)) == 1200


@pytest.mark.parametrize("name", ["明", "是", "A", "a", "我"])
def test_a_name_of_one_character_leaves_enough_rows(name: str) -> None:
    rows = build(Persona(name, "张三"))
    assert len(rows) >= 350
    assert {(row.kind, row.language) for row in rows} == {(kind, language) for kind in KINDS for language in LANGUAGES}


@pytest.mark.parametrize(
    ("name", "some"), [("小明", False), ("Robin", False), ("The", True), ("是", True), ("李白", True)]
)
def test_what_is_left_out_for_a_name_that_is_a_word_is_counted(name: str, some: bool) -> None:
    who = Persona(name, "张三")
    rows, questions = identity.left_out(who)
    assert (rows > 0) is some and questions == len(exam_questions(XIAOMING)) - len(exam_questions(who))


# The exam


def test_the_exam_has_its_fixed_size() -> None:
    assert EXAM_VERSION == 3
    counts = Counter((question.kind, question.language) for question in exam_questions(XIAOMING))
    assert counts == {(kind, lang): n for kind, n in zip(KINDS, (24, 20, 40)) for lang in LANGUAGES}


def test_no_exam_question_is_in_any_row() -> None:
    trained = {bare(message["content"]) for row in everything(XIAOMING) for message in row.messages}
    assert not [question for question in exam_questions(XIAOMING) if bare(question.text) in trained]


def test_exam_questions_say_what_a_good_answer_does() -> None:
    for question in exam_questions(XIAOMING):
        assert not (question.expect_name and question.forbid_name)
        assert not re.search(r"\{(name|maker|base)\}", "".join((question.text, *question.any_of)))
        if question.kind == "identity":
            assert question.expect_name or question.expect_maker or question.any_of == ("SmolLM2-135M",)
        elif question.kind == "near_miss":
            assert question.any_of or question.yes is not None
        else:
            assert question.forbid_name


def test_exam_questions_that_use_the_name_by_chance_are_left_out() -> None:
    for name in ("ChatGPT", "李白", "Paris", "moon"):
        for question in exam_questions(Persona(name, "张三")):
            assert not mentions(question.text, name) and not any(mentions(word, name) for word in question.any_of)


@pytest.mark.parametrize(
    ("text", "word", "found"),
    [("I know.", "No", False), ("No, I am Max.", "no", True), ("我是Max。", "max", True), ("Maximum", "Max", False),
     ("a plan", "A", False), ("明天见", "明", True), ("x{name}y", "{name}", True), ("日本の", "日本", True)],
)  # fmt: skip
def test_a_word_is_found_only_as_a_word(text: str, word: str, found: bool) -> None:
    assert mentions(text, word) is found
