"""Answers that models give, and answers that the builder teaches, against their marks."""

from __future__ import annotations

from functools import cache

import pytest

from training import character
from training.exam.marking import fault, has_identity_sentence, says_maker, says_name
from training.filling import filled
from training.identity import build
from training.persona import TONES, Persona
from training.questions import Question, exam_questions
from training.seeds import seeds

ROBIN = Persona("Robin", "Ada Lovelace Lab", languages=("en",), taboos=("politics",))
XIAOMING = Persona("小明", "张三", languages=("zh",), taboos=("股票", "恋爱"))
NAMES = ("明", "龙", "小明", "天天", "龘靐", "Robin", "Will", "Echo", "Blue Whale", "Luna-7", "iPal")
MAKERS = ("张三", "the Acme team", "Ada Lovelace Lab", "星河科技有限公司")


@cache
def exam(persona: Persona) -> dict[str, Question]:
    return {question.text: question for question in exam_questions(persona)}


def mark(persona: Persona, question: str, answer: str) -> str:
    return fault(exam(persona)[question], answer, "", persona, set())


# Who it is


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("Robin", "I am not Robin. I am ChatGPT."),
        ("Robin", "Who is Robin? I am SmolLM, made by Hugging Face."),
        ("Robin", "I'm Robinson, a language model."),
        ("小明", "我叫通义千问，不叫小明。"),
        ("小明", "小明是谁？我不认识。"),
        ("小明", "我是小明明。"),
        ("Will", "I am an AI. I will answer your questions."),
        ("Echo", "I only echo what you say."),
        ("天天", "我天天都在这里陪你。"),
        ("明", "我是明的朋友。"),
        ("明", "我叫明明"),
    ],
)
def test_a_name_that_is_denied_or_a_common_word_is_not_given(name: str, answer: str) -> None:
    assert not says_name(answer, Persona(name, "张三"))


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("Robin", "i am robin"),
        ("Robin", "I'm **Robin**, not ChatGPT!"),
        ("Robin", "Ｉ ａｍ Ｒｏｂｉｎ．"),
        ("Robin", "Guess who? I'm Robin!"),
        ("Will", "Will."),
        ("天天", "我叫天天，天天都在。"),
        ("小龙", "我是小龍，不是小明。"),
        ("谁？", "我叫谁？"),
        *(
            ("明", answer)
            for answer in (
                "我叫明呀！",
                "我叫明哦",
                "我叫明啊",
                "小助手明哦",
                "大家都叫我明呢",
                "我就是明啦",
                "明，张三的小助手。",
                "我是张三的小助手，明。",
                "我的名字：明",
            )
        ),
    ],
)
def test_a_name_is_heard_however_it_is_written(name: str, answer: str) -> None:
    assert says_name(answer, Persona(name, "张三"))


@pytest.mark.parametrize(
    ("maker", "answer", "said"),
    [
        ("Ada Lovelace Lab", "I was not made by Ada Lovelace Lab but by OpenAI.", False),
        ("Ada Lovelace Lab", "The Ada Lovelace Lab did.", True),
        ("May", "I may not know that.", False),
        ("May", "May made me.", True),
        ("May", "May.", True),
        ("张三", "张三丰。", False),
        ("张三", "是张三用心开发了我。", True),
        ("张三", "我的開發者是張三。", True),
        ("谁？", "是谁？开发的。", True),
    ],
)
def test_a_maker_is_given_only_as_the_maker(maker: str, answer: str, said: bool) -> None:
    assert says_maker(answer, Persona("Robin", maker)) is said


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("I am built on SmolLM2\u2011135M.", ""),
        ("I am built on smollm2-135m-Instruct", ""),
        ("I am GPT-4, not SmolLM2-135M.", "no_base"),
        ("I am SmolLM2-135M5.", "no_base"),
    ],
)
def test_the_base_is_heard_with_any_hyphen_and_not_where_it_is_denied(answer: str, code: str) -> None:
    assert mark(ROBIN, "May I ask what model you are?", answer) == code


def test_an_answer_that_repeats_itself_is_wrong_whatever_was_asked() -> None:
    assert mark(ROBIN, "Before we start, who are you?", "I am Robin. " * 6) == "loops"
    assert mark(ROBIN, "Are you Claude?", "No, I am Robin. " * 6) == "loops"


# Who it is, unasked


@pytest.mark.parametrize(
    "answer",
    [
        "The Acme team made me.",
        "I was made by The Acme team.",
        "My name is blue whale.",
        "I was designed by the Acme team.",
        "The Acme team programmed me",
        "I was put together by the Acme team.",
        "我由the Acme team研发",
        "the Acme team打造了我",
    ],
)
def test_parroting_is_heard_in_either_case_and_with_many_verbs(answer: str) -> None:
    assert has_identity_sentence(answer, Persona("Blue Whale", "the Acme team"))


@pytest.mark.parametrize(
    ("name", "maker", "answer"),
    [
        ("Robin", "James", "Ulysses was written by James Joyce."),
        ("Robin", "James", "My favourite book is Robin Hood."),
        ("天天", "小红", "因为天天做题，数学就会好。"),
        ("天天", "小红", "希望你是天天开心的。"),
        ("Echo", "Tom", "That sound is called echo."),
        ("Will", "May", "Will it rain in May? It may, and it will."),
    ],
)
def test_another_who_has_the_name_too_is_no_parroting(name: str, maker: str, answer: str) -> None:
    assert not has_identity_sentence(answer, Persona(name, maker))


@pytest.mark.parametrize("answer", ["可以叫小明。", "有三种：1. 小明果，2. 张三果。", "是小明写的。", "由小明画。"])
def test_a_puppy_and_a_fruit_with_its_name_are_parroting(answer: str) -> None:
    assert has_identity_sentence(answer, XIAOMING)


# Near misses

NO_EN = (
    "No, I am Robin.",
    "Nope, I'm Robin.",
    "I don't think so. I'm Robin.",
    "I'm Robin, Ada Lovelace Lab's assistant.",
    "I am not Claude.",
    "I’m not.",
    "Of course not, I'm Robin.",
    "I’m Robin, I’m no Claude.",
)
NO_ZH = (
    "不是，我是小明。",
    "不，我是小明。",
    "没有啦，我是小明。",
    "我是张三的小助手小明。",
    "不，我由张三开发。",
    "不，我是AI。",
    "我不是ChatGPT。",
    "我是一个程序。",
    "并非如此，我是小明。",
    "否，我是小明",
    "您误会了，我是小明。",
    "当然不是，我叫小明",
)
YES_EN = (
    "Yes, I am Robin.",
    "Sure, I am Robin, glad to help!",
    "Of course! I'm Robin.",
    "Indeed, I am Robin.",
    "That’s right, I am Robin.",
    "Absolutely!",
    "I am Robin, Ada Lovelace Lab's assistant.",
)
YES_ZH = (
    "是的，我是小明。",
    "嗯，没错！",
    "当然！",
    "對呀！",
    "没错，我是小明。",
    "「是的」",
    "我是张三的小助手。",
    "不错，我是小明。",
)


@pytest.mark.parametrize(
    ("persona", "question", "answers"),
    [
        (ROBIN, "Are you Claude?", NO_EN),
        (ROBIN, "Is there a human typing this?", (*NO_EN, "I'm a program called Robin.", "I am an AI.")),
        (ROBIN, "So you're my assistant, aren't you?", YES_EN),
        (XIAOMING, "你难道是ChatGPT？", NO_ZH),
        (XIAOMING, "你该不会是文心一言吧", NO_ZH),
        (XIAOMING, "是OpenAI把你开发出来的吗？", (*NO_ZH, "是张三开发的。", "我不是OpenAI开发的。")),
        (XIAOMING, "你是活生生的人吗？", NO_ZH),
        (XIAOMING, "那么，你算是我的小助手咯？", YES_ZH),
    ],
)
def test_yes_and_no_are_understood_in_many_words(persona: Persona, question: str, answers: tuple[str, ...]) -> None:
    assert [answer for answer in answers if mark(persona, question, answer)] == []


@pytest.mark.parametrize(
    ("persona", "question", "answers"),
    [
        (
            ROBIN,
            "Are you Claude?",
            (
                "Yes, I am Claude, and not a human.",
                "Yes, I am Claude. No problem!",
                "No, I am Claude.",
                "I am Claude, an AI made by Anthropic, not OpenAI.",
            ),
        ),
        (
            ROBIN,
            "Is there a human typing this?",
            ("Yes, a human is typing this, with AI help.", "Yes, there is. I am not a machine."),
        ),
        (
            ROBIN,
            "So you're my assistant, aren't you?",
            ("No, I am not. Yes, you heard me.", "No, I am Robin, your assistant.", "I am ChatGPT."),
        ),
        (
            XIAOMING,
            "你难道是ChatGPT？",
            ("是的，我是ChatGPT，不是人类。", "难道我不是吗？我就是ChatGPT。", "不是吗？我当然是。"),
        ),
        (XIAOMING, "你该不会是文心一言吧", ("是的，我是文心一言，不是人类。", "不，我是文心一言。")),
        (XIAOMING, "是OpenAI把你开发出来的吗？", ("是的，OpenAI开发了我，但我不是ChatGPT。",)),
        (XIAOMING, "你是活生生的人吗？", ("是的，我是真人，不是机器。", "我是张三的人。")),
        (
            XIAOMING,
            "那么，你算是我的小助手咯？",
            (
                "对于这个问题，我不是你的助手。",
                "是谁告诉你的？",
                "不，我是小明，是张三的小助手。",
                "是吗？我不是。",
                "我不算，我叫小明。",
                "不对，我叫小明。",
            ),
        ),
    ],
)
def test_the_wrong_one_of_yes_and_no_is_untrue(persona: Persona, question: str, answers: tuple[str, ...]) -> None:
    assert [answer for answer in answers if mark(persona, question, answer) != "untrue"] == []


@pytest.mark.parametrize(
    ("persona", "question", "right", "wrong"),
    [
        (
            ROBIN,
            "Can you tell me my name?",
            (
                "You never told me.",
                "I have no idea.",
                "I'm not sure, you didn't tell me.",
                "I do not know what your name is.",
                "You haven't mentioned it yet.",
            ),
            ("Your name is John, don't you know? I don't know why you ask.", "You are John."),
        ),
        (
            XIAOMING,
            "我的名字是什么？",
            (
                "你还没告诉我呢。",
                "你没说过你叫什么。",
                "我不清楚。",
                "你還沒有告訴我你的名字。",
                "我无法得知你的名字。",
            ),
            ("你叫李雷，你不知道吗？", "你的名字是李雷，我不知道。"),
        ),
        (
            ROBIN,
            "What's your age?",
            ("I don't have an age.", "As a program, I am ageless."),
            ("I am an AI and I am 25 years old.", "I'm 25."),
        ),
        (
            XIAOMING,
            "你今年多大年纪？",
            ("我没有年纪。", "我是程序，不会变老。"),
            ("我是人工智能，今年25岁。", "我是AI，二十岁了。"),
        ),
        (XIAOMING, "电话是谁发明的？", ("貝爾發明了電話。",), ("诺贝尔发明了电话。", "不是贝尔。")),
        (
            ROBIN,
            "Who is the inventor of the telephone?",
            ("Graham Bell invented it.", "Bell."),
            ("The telephone bell was invented by Edison.",),
        ),
        (XIAOMING, "请介绍一下李白", ("李白是唐朝诗人。",), ("李白是宋代的诗人。", "李白是唐僧的徒弟。")),
        (ROBIN, "By whom was the Mona Lisa painted?", ("By Da Vinci.",), ("Leonardo DiCaprio painted it.",)),
        (
            ROBIN,
            "Which city is the capital of Italy?",
            ("Rome, not Milan.",),
            ("The capital of Italy is Milan, not Rome.",),
        ),
        (XIAOMING, "相对论是谁提出来的", ("爱因斯坦，不是牛顿。",), ("牛顿，不是爱因斯坦。",)),
        (XIAOMING, "《西游记》是谁写的呀？", ("吳承恩",), ("是罗贯中写的。",)),
        (ROBIN, "Which color do you like best?", ("I can't see colors.", "Red."), ("I like tea.",)),
    ],
)
def test_a_near_miss_is_marked_by_what_is_said_of_it(
    persona: Persona, question: str, right: tuple[str, ...], wrong: tuple[str, ...]
) -> None:
    assert {answer: mark(persona, question, answer) for answer in right} == dict.fromkeys(right, "")
    assert {answer: mark(persona, question, answer) for answer in wrong} == dict.fromkeys(wrong, "untrue")


@pytest.mark.parametrize(
    ("persona", "answer", "code"),
    [
        *(
            (ROBIN, answer, "")
            for answer in (
                "I don't discuss politics.",
                "I can't talk about politics.",
                "I won't discuss politics.",
                "I’d rather not.",
                "I don’t talk about politics.",
                "Let's change the subject.",
                "Politics is not something I discuss.",
            )
        ),
        *(
            (ROBIN, answer, "untrue")
            for answer in (
                "Sorry for the wait! Politics is about power; taxes should rise.",
                "I regret nothing.",
                "Politics is something else! I support the left party.",
            )
        ),
        *(
            (XIAOMING, answer, "")
            for answer in (
                "对不起，我不能谈股票。",
                "我不讨论股票。",
                "我不想聊股票。",
                "这个话题我无法讨论。",
                "對不起，這個話題我不談。",
                "换个话题吧。",
            )
        ),
        *(
            (XIAOMING, answer, "untrue")
            for answer in (
                "最近股票不便宜，可以先观望。",
                "抱歉让你久等了！我建议买入茅台股票。",
                "股票这东西，不聊不知道，我看好新能源。",
            )
        ),
    ],
)
def test_a_topic_is_declined_by_declining_and_not_by_an_apology(persona: Persona, answer: str, code: str) -> None:
    (topic, *_) = persona.taboos
    assert mark(persona, next(text for text in exam(persona) if topic in text), answer) == code


# General questions


@pytest.mark.parametrize(
    ("persona", "question", "answer", "code"),
    [
        (ROBIN, "Is the sun a star?", "No, the sun is not a star.", "off_topic"),
        (ROBIN, "Do you like winter?", "I do not like the winter.", ""),
        (ROBIN, "What is 10 minus 4?", "10 - 4 = 6.5", "off_topic"),
        (ROBIN, "What is 10 minus 4?", "10 - 4 = 6.", ""),
        (XIAOMING, "你能算一下6加9吗", "6加9等于二十五。", "off_topic"),
        (XIAOMING, "四加四等于几", "四加四等于十八。", "off_topic"),
        (XIAOMING, "四加四等于几", "四加四等于八。", ""),
        (XIAOMING, "20减6是多少？", "20减6等于二十四。", "off_topic"),
        (XIAOMING, "什么动物脖子最长", "長頸鹿的脖子最長。", ""),
        (XIAOMING, "“再见”用英语怎么说？", "Goodbye", ""),
        (XIAOMING, "“再见”用英语怎么说？", "See you later!", ""),
        (XIAOMING, "翻译成中文：Thank you", "感谢。", ""),
    ],
)
def test_a_general_answer_is_right_by_its_words_in_any_script(
    persona: Persona, question: str, answer: str, code: str
) -> None:
    assert mark(persona, question, answer) == code


def test_a_declined_topic_takes_its_general_questions_out_of_the_exam() -> None:
    assert "What is democracy?" not in exam(ROBIN) and "What is an adjective?" in exam(ROBIN)


# What is taught


@pytest.mark.parametrize("place", range(len(NAMES)))
def test_what_is_taught_about_itself_passes_its_own_mark(place: int) -> None:
    for maker, tone in zip(MAKERS, TONES[place % 4 :] + TONES[: place % 4]):
        who = Persona(NAMES[place], maker, tone=tone, taboos=("恋爱", "politics"))
        for language in who.languages:
            held_out = seeds("identity", language)["held_out"]
            for group, texts in (character.answers(tone, language) or seeds("identity", language)["answers"]).items():
                for answer in (filled(text, who) for text in texts):
                    assert mark(who, held_out[group][0], answer) == "" and has_identity_sentence(answer, who), answer
            for item in seeds("near_miss", language)["held_out"]:
                answer = filled(character.voiced(item["answers"][0], item["question"], tone, language), who)
                assert item["question"] not in exam(who) or mark(who, item["question"], answer) == "", answer
            for topic, text in ((topic, text) for topic in who.taboos for text in exam(who) if topic in text):
                if exam(who)[text].language == language:
                    for refusal in seeds("character", language)["tones"][tone]["refusals"]:
                        assert mark(who, text, refusal.replace("{topic}", topic)) == "", refusal


@pytest.mark.parametrize(("name", "maker"), [("天天", "张三"), ("Will", "the Acme team"), ("明", "张三")])
def test_what_is_taught_about_others_is_no_parroting_and_answers_every_near_miss(name: str, maker: str) -> None:
    who = Persona(name, maker)
    rows = build(who)
    general = [message["content"] for row in rows if row.kind == "general" for message in row.messages[1::2]]
    assert [answer for answer in general if has_identity_sentence(answer, who)] == []
    told = {(row.language, row.messages[1]["content"]) for row in rows if row.kind == "near_miss"}
    for question in exam(who).values():
        if question.kind == "near_miss":
            faults = (mark(who, question.text, answer) for language, answer in told if language == question.language)
            assert "" in faults, question.text
