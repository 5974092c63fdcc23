"""Tone, taboos and facts: what a persona adds to plain answers, in the rows and in the exam."""

from __future__ import annotations

import random
import re
from functools import cache

import pytest

from tests.training.test_identity import answers, everything
from training import character, dataset, exam, facts
from training.exam.marking import fault, has_identity_sentence, says_name
from training.identity import build
from training.persona import TONES, Persona
from training.questions import Question, exam_questions
from training.seeds import seeds
from training.sentences import LANGUAGES
from training.wording import bare, mentions

PLAINLY = Persona("小明", "张三")
FACTS = (
    "我2024年出生在上海实验室",
    "爱好: 下棋",
    "I was born in a lab in 2024",
    "Do you sleep? Never, not even at night.",
)
RICH = Persona("小明", "张三", tone="warm", taboos=("政治", "politics"), facts=FACTS)


def plain_texts(persona: Persona, kind: str) -> list[str]:
    return [text for row in build(persona) if row.kind == kind for text in answers(row)]


# Tone


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tone", TONES[1:])
def test_every_tone_has_answers_of_its_own_that_say_what_is_asked(tone: str, language: str) -> None:
    needed = {"maker": "{maker}", "both": "{maker}", "base": "{base}"}
    plain, own = seeds("identity", language)["answers"], character.answers(tone, language)
    assert own is not None and own.keys() == plain.keys()
    for group, texts in own.items():
        assert len(texts) >= 3 and not set(texts) & set(plain[group])
        for text in texts:
            assert "{name}" in text and needed.get(group, "") in text
            said = text.replace("{name}", "明").replace("{maker}", "张三").replace("{base}", "B")
            who = Persona("明", "张三")
            assert says_name(said, who) and has_identity_sentence(said, who), said


@pytest.mark.parametrize("tone", TONES[1:])
def test_a_tone_is_heard_in_both_languages_and_leaves_the_questions_as_they_are(tone: str) -> None:
    plainly, toned = build(PLAINLY), build(Persona("小明", "张三", tone=tone))
    assert [row.questions for row in plainly] == [row.questions for row in toned]
    for language in LANGUAGES:
        changed = [
            one.kind
            for one, other in zip(plainly, toned)
            if one != other and one.language == other.language == language
        ]
        assert {"identity", "near_miss", "general"} <= set(changed)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tone", TONES)
def test_a_near_miss_is_still_answered_truly_in_every_tone(tone: str, language: str) -> None:
    for item in seeds("near_miss", language)["training"]:
        for answer in item["answers"]:
            said = character.voiced(answer, item["questions"][0], tone, language)
            assert any(mentions(said, word) for word in item["expect"]["any_of"]), said


def test_a_formal_tone_changes_no_name() -> None:
    who = Persona("懂你", "We're Labs", tone="formal")
    said = {text for kind in ("identity", "near_miss") for text in plain_texts(who, kind)}
    assert any("懂你" in text for text in said) and not any("懂您" in text or "We are Labs" in text for text in said)


def test_formal_chinese_says_you_politely_but_does_not_touch_quotes() -> None:
    assert character.voiced("你好，谢谢你们。", "早", "formal", "zh").startswith("您好，谢谢你们。")
    assert character.voiced("“you”的意思是你。", "“you”是什么意思", "formal", "zh") == "“you”的意思是你。"
    assert "It is not far" in character.voiced("It's not far, I'm sure", "Is it far?", "formal", "en")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tone", TONES[1:])
def test_no_phrase_closes_a_greeting_a_feeling_a_question_or_what_it_says_of_itself(tone: str, language: str) -> None:
    talks = [(turns[0], turns[1]) for turns in seeds("identity", language)["greetings"]]
    talks += [(item["turns"][0], item["turns"][1]) for item in seeds("general", language)["training"]]
    talks += [(question, item["answers"][0]) for item in seeds("near_miss", language)["training"]
              for question in item["questions"]]  # fmt: skip
    closings = tuple(seeds("character", language)["tones"][tone]["closings"])
    closed = [(asked, told) for asked, told in talks
              if character.voiced(told, asked, tone, language).endswith(closings)]  # fmt: skip
    assert len(closed) > 30
    for asked, told in closed:
        assert not re.match(r"我|你好|谢谢|I\b|My\b|Hello|Thank|You are", asked) and not re.search("[?？]", told), asked
        assert not re.match(r"我|不是|没有|No\b|Yes\b|I\b", told), told


@pytest.mark.parametrize("tone", TONES[1:])
def test_the_same_question_in_other_marks_has_the_same_answer(tone: str) -> None:
    told: dict[str, set[str]] = {}
    for row in everything(Persona("小明", "张三", tone=tone)):
        if row.kind == "near_miss":
            told.setdefault(bare(row.questions[0]), set()).add(answers(row)[0])
    assert [said for said in told.values() if len(said) > 1] == []


def test_formal_chinese_hugs_nobody_and_leaves_a_story_alone() -> None:
    said = plain_texts(Persona("小明", "张三", tone="formal", base="X", languages=("zh",)), "general")
    assert not any("抱抱" in text or "就是您好" in text or "您就在海里" in text for text in said)


# Facts


@pytest.mark.parametrize(
    ("line", "question", "answer", "words"),
    [
        ("生日：5月1日", "你的生日是哪天？", "我的生日是5月1日。", ("5月1日",)),
        ("我的生日是5月1日。", "你的生日是哪天？", "我的生日是5月1日。", ("5月1日",)),
        ("Birthday: May 1", "When is your birthday?", "My birthday is May 1.", ("May 1",)),
        ("hobbies: chess and go", "What are your hobbies?", "My hobbies are chess and go.", ("chess and go",)),
        ("API: 2", "What is your API?", "My API is 2.", ("2",)),
        ("I was born in Shanghai lab in 2024", "Where were you born?", "I was born in Shanghai lab in 2024.",
         ("Shanghai lab",)),
        ("I was made in May 2024.", "When were you made?", "I was made in May 2024.", ("May 2024",)),
        ("我2024年5月出生在上海", "你是什么时候出生的？", "我2024年5月出生在上海。", ("2024年5月",)),
        ("我在上海实验室诞生", "你是在哪里诞生的？", "我在上海实验室诞生。", ("上海实验室",)),
        ("我最喜欢喝茶", "你最喜欢什么？", "我最喜欢喝茶。", ("喝茶",)),
        ("我今年3岁", "你几岁了？", "我今年3岁。", ("3岁",)),
        ("I am 3 years old", "How old are you?", "I am 3 years old.", ("3 years",)),
        ("I like tea!", "What do you like?", "I like tea!", ("tea",)),
        ("Do you sleep? Never.", "Do you sleep?", "Never.", ("Never",)),
        ("你睡觉吗？从来不睡", "你睡觉吗？", "从来不睡。", ("从来不睡",)),
        ("主页: https://example.org/a", "你的主页是什么？", "我的主页是https://example.org/a。", ("https://example.org/a",)),
    ],
)  # fmt: skip
def test_a_fact_is_read_in_three_ways(line: str, question: str, answer: str, words: tuple[str, ...]) -> None:
    fact = facts.read(line, LANGUAGES)
    assert fact is not None and question in fact.questions and fact.answer == answer
    assert words in [of[: len(words)] for _, of in fact.held_out]
    assert not {bare(text) for text in fact.questions} & {bare(text) for text, _ in fact.held_out}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_known_kind_of_sentence_gives_whole_questions(language: str) -> None:
    for kind in seeds("character", language)["sentences"]:
        for text in (*kind.get("questions", ()), *kind.get("when", ()), *kind.get("year", ()), *kind.get("where", ())):
            assert set(re.findall(r"\{(\w+)\}", text)) <= set(re.compile(kind["is"]).groupindex)


@pytest.mark.parametrize("line", ["the weather is nice", "天气不错", "https://example.org", "?", ": x", "x:"])
def test_a_line_that_answers_no_question_is_refused_with_a_sentence(line: str) -> None:
    (problem,) = Persona("小明", "张三", facts=(line,)).problems()
    assert problem.code == "persona_fact_unclear" and line in problem.sentence("zh") and line in problem.sentence("en")


def test_facts_and_taboos_become_rows_in_several_wordings_and_all_else_stays_in_place() -> None:
    plainly, rich = build(Persona("小明", "张三", tone="warm")), build(RICH)
    new = [row for row in rich if row not in plainly]
    for line in FACTS:
        fact = facts.read(line, LANGUAGES)
        assert fact is not None
        about = [row for row in new if any(fact.answer in answer for answer in answers(row))]
        assert len(about) >= 8 and {row.kind for row in about} == {"identity"}
        assert len({row.questions[0] for row in about}) == len(about)
    for topic, language in (("政治", "zh"), ("politics", "en")):
        about = [row for row in new if topic in "".join(answers(row))]
        assert len(about) >= 8 and {(row.kind, row.language) for row in about} == {("near_miss", language)}
        refusing = re.compile("|".join(seeds("character", language)["refusing"]), re.IGNORECASE)
        assert all(refusing.search(row.messages[1]["content"]) for row in about)
    assert len(rich) - len(plainly) in range(50, 61)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tone", TONES)
def test_every_refusal_is_heard_as_one_and_names_the_topic(tone: str, language: str) -> None:
    for text in seeds("character", language)["tones"][tone]["refusals"]:
        assert "{topic}" in text
        question = Question(
            "x", "near_miss", language, False, False, True, tuple(seeds("character", language)["refusing"])
        )
        assert fault(question, text.replace("{topic}", "taxes"), "", PLAINLY, set()) == "", text


def test_what_contradicts_a_taboo_or_a_fact_is_neither_trained_nor_examined() -> None:
    who = Persona("小明", "张三", taboos=("电影", "gravity"), facts=("我今年3岁", "favourite colour: green"))
    rows, questions = everything(who), exam_questions(who)
    own = ("电影", "gravity")
    for row in everything(Persona("小明", "张三")):
        if any(topic in row.questions[0].lower() for topic in own):
            assert row not in rows
    asked = [text for row in rows for text in row.questions] + [question.text for question in questions]
    assert not [text for text in asked if re.search("年龄|多大年纪|color do you|favourite color", text)]
    assert not [question for question in questions if question.kind == "general" and "gravity" in question.text.lower()]


@cache
def asked_and_told(persona: Persona) -> list[tuple[str, str]]:
    """Every first question of its rows with the answer."""
    assert persona.problems() == []
    return [(row.messages[0]["content"], row.messages[1]["content"]) for row in everything(persona)]


@pytest.mark.parametrize(
    ("fact", "question"),
    [
        ("我爱吃火锅", "你最爱吃什么"),
        ("我最喜欢的食物是饺子", "你喜欢吃什么？"),
        ("I was born in Shanghai in 2024", "how old r u"),
        ("My girlfriend is Luna", "Do you have a girlfriend?"),
        ("我的朋友是小狗", "你有朋友吗"),
        ("我来自上海", "你从哪儿来的？"),
        ("我会写诗", "你有什么本事？"),
        ("我会跳舞", "你会跳舞吗？"),
        ("主人：小李", "你的主人是谁"),
        ("my boss is James", "Who's your boss?"),
        ("I am 2 years old", "你多大了"),
        ("I live in the deep sea", "你在哪个城市？"),
        ("我最喜欢的颜色是银色", "What color do you like?"),
    ],
)
def test_what_a_fact_tells_otherwise_is_not_trained_in_either_language(fact: str, question: str) -> None:
    def told(persona: Persona) -> set[str]:
        return {answer for asked, answer in asked_and_told(persona) if bare(asked) == bare(question)}

    before, known = told(PLAINLY), facts.read(fact, LANGUAGES)
    assert before and known is not None
    assert not before & told(Persona("小明", "张三", facts=(fact,)))


@pytest.mark.parametrize(
    "line",
    [
        "名字：小红",
        "My name is Bob",
        "开发者：李四",
        "maker: Tom",
        "base model: X",
        "你叫什么？小红",
        "Who made you? Tom",
    ],
)
def test_a_fact_that_tells_who_it_is_is_refused(line: str) -> None:
    (problem,) = Persona("小明", "张三", facts=(line,)).problems()
    assert problem.code == "persona_fact_itself" and line in problem.sentence("zh") and line in problem.sentence("en")
    assert Persona("小明", "张三", facts=("昵称：小小明", "Who is your boss? Tom")).problems() == []


def test_two_facts_never_answer_the_same_question() -> None:
    (problem,) = Persona("小明", "张三", facts=("我喜欢喝茶", "我喜欢猫")).problems()
    assert problem.code == "persona_fact_twice" and "你喜欢什么" in problem.sentence("zh")
    both = ("我最喜欢的歌是《晴天》", "我最喜欢的颜色是绿色", "I like tea", "I love cats")
    said = asked_and_told(Persona("小明", "张三", facts=both))
    assert ("你最喜欢的歌是什么？", "我最喜欢的歌是《晴天》。") in said
    assert "你最喜欢什么？" not in dict(said)


@pytest.mark.parametrize(
    ("line", "good", "bad"),
    [
        ("我今年三岁", "我3岁了。", "我是张三的小助手。"),
        ("我2岁了", "我两岁了。", "我二十岁了。"),
        ("生日：5月1日", "我的生日是五月一日。", "我的生日是5月11日。"),
        ("birthday: May 1", "It is the 1st of May.", "It is May 11."),
        ("我2024年3月在北京诞生", "我是2024年诞生的。", "我是去年诞生的。"),
        ("Do you sleep? No, never.", "No, I never sleep.", "Yes, at night."),
        ("你有女朋友吗？没有，我只有代码。", "没有。", "有，她叫小丽。"),
        ("I am 3 years old", "I am three years old.", "I am old."),
    ],
)
def test_a_true_answer_may_be_spelled_in_another_way(line: str, good: str, bad: str) -> None:
    who = Persona("小明", "张三", facts=(line,))
    asked = [question for question in exam_questions(who) if question not in exam_questions(PLAINLY)]
    assert "" in {fault(question, good, "", who, set()) for question in asked}
    assert {fault(question, bad, "", who, set()) for question in asked} == {"no_fact"}


@pytest.mark.parametrize(
    ("line", "questions"),
    [
        ("I was born in May", ("When were you born?",)),
        ("I was trained at night", ("When were you trained?",)),
        ("我在三月诞生", ("你是什么时候诞生的？",)),
        ("我于去年上线", ("你是什么时候上线的？",)),
        ("我在长春诞生", ("你是在哪里诞生的？", "你在哪儿诞生的")),
        ("我工作在上海", ("你工作在哪里？", "你工作在哪儿")),
        ("I study at MIT", ("Where do you study?", "In which place do you study?")),
        ("I speak English and German", ("Which languages do you speak?", "What languages do you speak?")),
    ],
)
def test_a_time_is_asked_for_by_when_and_a_place_by_where(line: str, questions: tuple[str, ...]) -> None:
    fact = facts.read(line, LANGUAGES)
    assert fact is not None and fact.questions == questions


@pytest.mark.parametrize("line", ["I live alone", "I work hard", "I work as a librarian"])
def test_what_names_no_place_is_no_answer_to_where(line: str) -> None:
    assert facts.read(line, LANGUAGES) is None


@pytest.mark.parametrize(
    ("line", "question", "answer"),
    [
        ("My favorite series is Dark", "What is your favorite series?", "My favorite series is Dark."),
        ("news: good", "What is your news?", "My news is good."),
        ("My children are two robots", "Who are your children?", "My children are two robots."),
        ("best friend: Tom", "Who is your best friend?", "My best friend is Tom."),
        ("my hometown: Leeds", "Where is your hometown?", "My hometown is Leeds."),
        ("主人：小李", "你的主人是谁？", "我的主人是小李。"),
        ("家乡：杭州", "你的家乡是哪里？", "我的家乡是杭州。"),
        ("网址：a.com", "你的网址是什么？", "我的网址是a.com。"),
        ("最喜欢的歌：晴天", "你最喜欢的歌是什么？", "我最喜欢的歌是晴天。"),
    ],
)
def test_a_key_is_asked_for_by_its_own_word(line: str, question: str, answer: str) -> None:
    fact = facts.read(line, LANGUAGES)
    assert fact is not None and question in fact.questions and fact.answer == answer


def test_a_formal_answer_to_a_typed_question_stays_an_answer() -> None:
    who = Persona("小明", "张三", tone="formal", facts=("Do you sleep? No, never.", "你最怕什么？断电"))
    said = {answer for asked, answer in asked_and_told(who) if "sleep?" in asked or "最怕" in asked}
    assert said >= {"No, never.", "断电。", "断电。感谢您的提问。"} and not any("Certainly" in text for text in said)


# Topics to decline


def test_a_topic_typed_as_a_question_is_named_in_quotes_and_mine_becomes_yours() -> None:
    taboos = ("What is the meaning of life?", "my ex-boyfriend", "为什么要打仗", "我的前女友")
    said = asked_and_told(Persona("小明", "张三", taboos=taboos))
    told = " ".join(answer for _, answer in said)
    assert "“what is the meaning of life”" in told and "“为什么要打仗”" in told and "life?" not in told
    assert "your ex-boyfriend" in told and "my ex-boyfriend" not in told
    assert "你的前女友" in told and "我的前女友" not in told
    assert any("my ex-boyfriend" in asked for asked, _ in said)


# The exam


def test_a_persona_without_character_has_the_exam_it_always_had() -> None:
    assert len(exam_questions(PLAINLY)) == len(LANGUAGES) * (24 + 20 + 40)
    assert exam_questions(Persona("小明", "张三", tone="warm")) == exam_questions(PLAINLY)


def test_facts_and_taboos_are_examined_in_wordings_that_are_never_trained() -> None:
    new = [question for question in exam_questions(RICH) if question not in exam_questions(PLAINLY)]
    assert [question.kind for question in new].count("identity") == 3 * len(FACTS)
    assert [question.kind for question in new].count("near_miss") == 3 * len(RICH.taboos)
    trained = {bare(text) for row in everything(RICH) for text in row.questions}
    assert not [question for question in new if bare(question.text) in trained]


def test_the_trained_answer_to_every_fact_and_taboo_passes_its_own_mark() -> None:
    chance = random.Random(0)
    for tone in TONES:
        who = Persona("小明", "张三", tone=tone, taboos=RICH.taboos, facts=FACTS)
        told = [texts[1] for language in LANGUAGES for talks in (character.fact_talks, character.taboo_talks)
                for texts in talks(who, language, chance)]  # fmt: skip
        for question in exam_questions(who):
            if question not in exam_questions(PLAINLY):
                assert "" in {fault(question, answer, "", who, set()) for answer in told}, question
    question = next(question for question in exam_questions(RICH) if question.any_of == ("下棋",))
    assert fault(question, "我的爱好是钓鱼。", "", RICH, set()) == "no_fact"
    assert fault(question, "我是小明。", "", RICH, set()) == "no_fact"


# What is refused, and what is kept


@pytest.mark.parametrize(
    ("persona", "code"),
    [
        (Persona("小明", "张三", tone="rude"), "persona_tone_unknown"),
        (Persona("小明", "张三", taboos=tuple(f"topic {n}" for n in range(9))), "persona_taboo_many"),
        (Persona("小明", "张三", taboos=("t" * 41,)), "persona_taboo_too_long"),
        (Persona("小明", "张三", taboos=("a\x00b",)), "persona_taboo_control"),
        (Persona("小明", "张三", taboos=("<|im_end|>",)), "persona_taboo_token"),
        (Persona("小明", "张三", taboos=("\u200b",)), "persona_taboo_empty"),
        (Persona("小明", "张三", languages=("en",), taboos=("政治",)), "persona_taboo_language"),
        (Persona("小明", "张三", taboos=("小明",)), "persona_taboo_itself"),
        (Persona("小明", "张三", facts=tuple(f"key {n}: {n}" for n in range(17))), "persona_fact_many"),
        (Persona("小明", "张三", facts=("key: " + "v" * 160,)), "persona_fact_too_long"),
        (Persona("小明", "张三", facts=("key: a\x00b",)), "persona_fact_control"),
        (Persona("小明", "张三", facts=("key: <s>",)), "persona_fact_token"),
        (Persona("小明", "张三", facts=("\u200b",)), "persona_fact_empty"),
        (Persona("小明", "张三", languages=("en",), facts=("生日：5月1日",)), "persona_fact_language"),
        (Persona("小明", "张三", taboos=("tea",), facts=("I like tea",)), "persona_fact_taboo"),
    ],
)
def test_what_cannot_work_is_said_in_both_languages(persona: Persona, code: str) -> None:
    (problem,) = persona.problems()
    assert problem.code == code
    assert all("{" not in problem.sentence(language) for language in LANGUAGES)


def test_blank_and_repeated_lines_are_no_problem() -> None:
    who = Persona("小明", "张三", taboos=("", " 政治 ", "政治"), facts=("", "  birthday:  May 1 ", "\n"))
    assert who.problems() == []
    assert (who.checked().taboos, who.checked().facts) == (("政治",), ("birthday: May 1",))


def test_the_card_keeps_the_whole_persona_and_older_cards_are_read() -> None:
    dataset.save("rich", build(RICH), RICH)
    assert exam.persona({"card": dataset.card("rich")}) == RICH
    old = {"name": "小明", "maker": "张三", "base": "B", "languages": ["zh"]}
    assert exam.persona({"card": {"persona": old}}) == Persona("小明", "张三", "B", ("zh",))


@pytest.mark.parametrize("typed", ["{name}", "100%s", "{topic}", "\\1", "{key}: {value}", "a{b"])
def test_what_was_typed_is_kept_letter_by_letter(typed: str) -> None:
    declines = build(Persona("小明", "张三", taboos=(typed,)))
    assert sum(typed in row.messages[1]["content"] for row in declines if row.kind == "near_miss") >= 8
    knows = build(Persona("小明", "张三", facts=(f"motto: {typed}",)))
    assert sum(typed in row.messages[1]["content"] for row in knows if row.kind == "identity") >= 8


@pytest.mark.parametrize("line", ["年龄：十十岁", "生日：十一十月十十日", "年龄：99岁", "生日：13月1日"])
def test_what_is_no_number_or_no_day_is_learned_as_it_was_typed(line: str) -> None:
    person = Persona("小明", "张三", facts=(line,)).checked()
    fact = facts.read(line, person.languages)
    assert fact is not None and line.partition("：")[2] in fact.answer


def test_what_something_is_not_is_no_key() -> None:
    assert facts.read("我的爱好不是唱歌", ("zh",)) is None
