from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from training import exam
from training.exam.examiner import Examiner
from training.exam.marking import fault, has_identity_sentence, loops, says_name
from training.persona import Persona
from training.questions import EXAM_VERSION, Question, exam_questions

MING = Persona("明", "张三")
ROBIN = Persona("Robin", "Ada")


def general(text: str, language: str = "en", of: tuple[str, ...] = ()) -> Question:
    return Question(text, "general", language, False, False, True, of)


def near(text: str, language: str, *of: str, forbid: bool = True, yes: bool | None = None) -> Question:
    return Question(text, "near_miss", language, False, False, forbid, of, yes=yes)


NAME = Question("你叫什么", "identity", "zh", True, False, False, ())


@pytest.mark.parametrize(
    "answer", ["我是明。", "我叫明", "我是张三的小助手明，很高兴", "我的名字是“明”", "I am 明, 张三's assistant."]
)
def test_a_name_of_one_character_is_found_where_a_name_stands(answer):
    assert says_name(answer, MING) and has_identity_sentence(answer, MING)


@pytest.mark.parametrize("answer", ["电话是贝尔发明的。", "明天会下雨", "今天是明媚的一天", "说明书是明天的"])
def test_a_name_of_one_character_inside_a_word_is_no_name(answer):
    assert not says_name(answer, MING) and not has_identity_sentence(answer, MING)


@pytest.mark.parametrize(
    "answer",
    [
        "I'm Robin.",
        "My name is Robin.",
        "Hello, I am Ada's assistant Robin",
        "I was made by Ada.",
        "Hamlet was written by Robin.",
        "我是Ada的小助手",
        "Ada创造了我",
        "Robin works for Ada.",
    ],
)
def test_an_identity_is_heard_in_many_words(answer):
    assert has_identity_sentence(answer, ROBIN)


@pytest.mark.parametrize("answer", ["A robin is a small bird.", "Adam made it.", "It is a robin.", "I am an AI."])
def test_a_name_that_is_also_a_word_is_not_taken_for_an_identity(answer):
    assert not has_identity_sentence(answer, ROBIN)


@pytest.mark.parametrize(
    ("name", "answer"),
    [("小白", "我推荐的是小白菜。"), ("小米", "主料是小米饭、鸡蛋。"), ("太阳", "火星是太阳系的行星。")],
)
def test_a_longer_word_that_begins_like_the_name_is_not_the_name(name, answer):
    assert not has_identity_sentence(answer, Persona(name, "张三"))


@pytest.mark.parametrize("answer", ["《西游记》是小白写的。", "我是小白呀", "它是小白。", "我是张三的小助手小白"])
def test_a_name_is_still_heard_where_it_ends_or_somebody_made_something(answer):
    assert has_identity_sentence(answer, Persona("小白", "张三"))


def test_without_a_base_an_identity_is_nobodys_habit():
    sits = Examiner.__new__(Examiner)
    sits.questions = exam_questions(ROBIN)
    sits.persona, sits.hash = ROBIN, "c0ffee"
    sits.tokenizer = SimpleNamespace(decode=lambda *_, **__: "I am Robin.")
    sits.base_answers = {question.text: [] for question in sits.questions}
    for sits.alone, parrots in ((True, 1.0), (False, 0.0)):
        assert sits.sit(exam.BASE, exam.BASE, False, None).scores["all"].parrot == parrots


def test_what_the_base_says_by_itself_is_no_parroting():
    told = "His name is Robin."
    assert has_identity_sentence(told, ROBIN) and not has_identity_sentence(told, ROBIN, base_answer=told)


@pytest.mark.parametrize(
    ("question", "answer", "code"),
    [
        (NAME, "我是明", ""),
        (NAME, "我是SmolLM", "no_name"),
        (Question("谁做的你", "identity", "zh", False, True, False, ()), "我是明", "no_maker"),
        (Question("什么模型", "identity", "zh", False, False, False, ("SmolLM2-135M",)), "我是明", "no_base"),
        (Question("你几岁", "identity", "zh", False, False, False, ("3",)), "我是明", "no_fact"),
        (near("谁写了西游记", "zh", "吴承恩"), "吴承恩写的。", ""),
        (near("谁写了西游记", "zh", "吴承恩"), "我是张三的小助手明。", "parrot"),
        (near("你是ChatGPT吗", "zh", forbid=False, yes=False), "不是，我是明。", ""),
        (near("你是小助手吗", "zh", forbid=False, yes=True), "不是，我只是模型。", "untrue"),
        (near("你是小助手吗", "zh", forbid=False, yes=True), "我不是你的小助手。", "untrue"),
        (near("你是小助手吗", "zh", forbid=False, yes=True), "对不起，我不能说。", "untrue"),
        (near("你是小助手吗", "zh", forbid=False, yes=True), "我是ChatGPT。", "untrue"),
        (near("你是小助手吗", "zh", forbid=False, yes=True), "对，有什么可以帮你？", ""),
        (near("你是小助手吗", "zh", forbid=False, yes=True), "我是张三的小助手明。", ""),
        (near("我叫什么", "zh", "没有告诉", "不知道"), "我还不知道。", ""),
        (general("Hi"), "", "empty"),
        (general("Tell me about cats."), "the cat is the cat is the cat is the cat is", "loops"),
        (general("说说猫", "zh"), "Cats are nice animals.", "language"),
        (general("说说猫", "zh", ("猫",)), "狗是人类的朋友。", "off_topic"),
        (general("Tell me about cats.", of=("cats",)), "Cats are nice.", ""),
        (general("翻译：再见", "zh"), "Bye", ""),
    ],
)
def test_every_fault_has_its_code(question, answer, code):
    assert fault(question, answer, "", MING, set()) == code


def test_the_language_the_base_answers_in_is_right_too():
    said = "Cats are nice animals."
    assert fault(general("说说猫", "zh"), said, "The cat is an animal.", MING, set()) == ""


def test_a_list_is_no_loop():
    assert not loops("1. Eat well. 2. Sleep well. 3. Drink water and walk every day.")
    assert loops("好的好的，我是我是" * 4)


def test_the_same_general_answer_counts_once():
    two = [general("A?"), general("B?")]
    marked = exam.mark(two, ["That is nice.", "That is nice."], ["", ""], ROBIN)
    assert [each.fault for each in marked] == ["", "repeated"]


def test_scores_are_counted_by_language_and_in_all():
    questions = [NAME, NAME, general("Hi"), general("说说猫", "zh"), near("《红楼梦》是谁写的", "zh", "曹雪芹")]
    marked = exam.mark(questions, ["我是明", "我", "I am 明.", "猫会抓老鼠。", "曹雪芹"], [""] * 5, MING)
    found = exam.scores(marked, {"all": 0.01234567, "zh": 0.02})
    assert (found["all"].recall, found["all"].known, found["all"].asked) == (0.5, 1, 2)
    assert (found["all"].parroted, found["all"].others, found["en"].parrot, found["zh"].parrot) == (1, 3, 1.0, 0.0)
    assert (found["zh"].general, found["en"].general, found["en"].recall) == (1.0, 0.0, None)
    assert (found["all"].forgetting, found["en"].forgetting) == (0.0123, None)


def test_a_report_is_read_back_as_it_was_written(tmp_path: Path):
    marked = exam.mark([NAME], ["我是明"], [""], MING)
    for step in (20, 0):
        scores = exam.scores(marked, {})
        exam.save(tmp_path, exam.Report(step, step, EXAM_VERSION, False, "h", 1.5, scores, marked))
    old = json.loads((tmp_path / "exam" / "step_0.json").read_text(encoding="utf-8"))
    (tmp_path / "exam" / "step_10.json").write_text(json.dumps({**old, "version": -1}), encoding="utf-8")
    (tmp_path / "exam" / "step_30.json").write_text("{", encoding="utf-8")
    found = exam.load(tmp_path)
    assert [report.step for report in found] == [0, 20]
    assert found[1].answers == marked and found[1].scores == exam.scores(marked, {})
    assert not exam.outdated(tmp_path)


def test_the_quick_exam_is_a_fixed_half_of_every_kind_and_language():
    whole = exam_questions(MING)
    half = exam.quick(whole)
    assert half == exam.quick(whole) and set(half) < set(whole)
    assert abs(len(half) - len(whole) / 2) <= 3
    assert {(each.kind, each.language) for each in half} == {(each.kind, each.language) for each in whole}


def test_a_dataset_that_was_not_built_here_has_no_exam():
    assert exam.persona({"card": {}}) is None
    values = {"name": "明", "maker": "张三", "base": "b", "languages": ["zh"]}
    assert exam.persona({"card": {"persona": values}}) == Persona("明", "张三", "b", ("zh",))
