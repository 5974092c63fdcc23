from __future__ import annotations

import hashlib
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from training.eyes import example, llava, talk
from training.eyes.marking import is_right
from training.eyes.painting import paint
from training.eyes.scenes import COLOURS, SHAPES, scenes
from training.eyes.talk import Asked
from training.persona import Persona

WHO = Persona("小明", "Ada Lin")


@pytest.fixture(scope="module")
def made() -> example.Example:
    return example.build(WHO)


def hashed(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_files_and_another_seed_others(tmp_path: Path) -> None:
    for place, seed in (("one", 3), ("two", 3), ("three", 4)):
        example.write(example.build(WHO, seed, example.Amounts(pictures=12)), tmp_path / place)
    one, two, three = (hashed(tmp_path / place) for place in ("one", "two", "three"))
    assert len(one) == 12 + example.PLAIN.held_out + 2
    assert one == two
    assert set(one) == set(three) and not set(one.values()) & set(three.values())


def test_what_is_written_is_read_without_a_problem(made: example.Example, tmp_path: Path) -> None:
    example.write(made, tmp_path)
    for file, talks in (("captions.json", made.captions), ("llava.json", made.talks)):
        found = llava.read(tmp_path / file, tmp_path)
        assert not found.problems
        assert found.talks == talks


def test_no_picture_of_the_exam_is_ever_trained_with(made: example.Example) -> None:
    trained = {each.image for each in (*made.captions, *made.talks) if each.image}
    assert len(trained) == example.PLAIN.pictures and len(made.exam) == example.PLAIN.held_out
    assert not trained & set(made.exam)
    pixels = Counter(paint(scene).tobytes() for scene in made.pictures.values())
    assert set(pixels.values()) == {1}, "two pictures are the same"


def test_every_colour_and_shape_is_seen_about_as_often(made: example.Example) -> None:
    drawn = list(made.pictures.values())
    pairs = Counter((scene.colour, scene.shape) for scene in drawn)
    assert len(pairs) == len(COLOURS) * len(SHAPES)
    assert max(pairs.values()) - min(pairs.values()) <= 1
    counts = Counter(scene.count for scene in drawn)
    assert counts[1] == round(2 / 3 * len(drawn)) and min(counts[2], counts[3], counts[4]) > len(drawn) / 12
    assert min(Counter(scene.place for scene in drawn).values()) > len(drawn) / 10


def test_the_shapes_stay_in_their_picture() -> None:
    for scene in scenes(200, 1):
        picture = paint(scene)
        edge = {picture.getpixel((x, y)) for x in range(picture.width) for y in (0, picture.height - 1)}
        edge |= {picture.getpixel((x, y)) for y in range(picture.height) for x in (0, picture.width - 1)}
        assert len(edge) == 1


def test_who_it_is_is_also_said_with_a_picture_in_sight(made: example.Example) -> None:
    said = [each for each in made.talks if any("小明" in text for text in each.turns)]
    assert sum(bool(each.image) for each in said) >= 40 < sum(not each.image for each in said)
    assert any(not each.image and "小明" not in " ".join(each.turns) for each in made.talks)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_true_answer_is_right_and_every_other_one_is_wrong(language: str) -> None:
    chance = random.Random(0)
    drawn = scenes(60, 0)
    for kind in talk.KINDS:
        able = [scene for scene in drawn if kind in talk.kinds(scene)]
        asked = [talk.ask(scene, kind, language, chance) for scene in able]
        assert all(is_right(each, each.answer) for each in asked)
        for each in asked:
            for other in asked:
                same = each.right == other.right
                assert is_right(each, other.answer) is same, (each, other)


def test_naming_everything_or_nothing_is_no_answer() -> None:
    scene = scenes(1, 0)[0]
    for language in ("zh", "en"):
        asked = talk.ask(scene, "colour", language, random.Random(0))
        assert not is_right(asked, " ".join((*asked.right, *asked.wrong)))
        assert not is_right(asked, "")


@pytest.mark.parametrize(
    ("right", "answer", "good"),
    [
        (("两", "2"), "图里有两个三角形。", True),
        (("两", "2"), "一共有二个。", True),
        (("三", "3"), "有一个三角形", False),
        (("一", "1"), "有一个三角形", True),
        (("三", "3"), "三角形", False),
        (("three", "3"), "There are three of them, each one red.", True),
        (("one", "1"), "There are three of them, each one red.", False),
        (("two", "2"), "Two or three.", False),
    ],
)
def test_a_count_is_told_from_the_other_words_with_a_number_in_them(
    right: tuple[str, ...], answer: str, good: bool
) -> None:
    assert is_right(Asked("count", "zh", "?", "", right, ()), answer) is good


def test_half_of_the_yes_or_no_questions_are_traps_and_only_one_thing_is_wrong_in_them(made: example.Example) -> None:
    asked = [each for several in made.exam.values() for each in several if each.kind == "is_it"]
    traps = [each for each in asked if each.right[0] in ("No", "没有")]
    assert 0.3 < len(traps) / len(asked) < 0.7
    assert {each.language for each in traps} == {"zh", "en"}
    for each in traps:
        assert each.question not in each.answer
        names = COLOURS + SHAPES if each.language == "en" else ()
        assert sum(name in each.question and name not in each.answer for name in names) <= 1


@pytest.mark.parametrize(("languages", "english"), [(("zh", "en"), 10), (("en",), 20)])
def test_where_chinese_is_learned_too_english_is_talked_about_every_other_picture(
    languages: tuple[str, ...], english: int
) -> None:
    few = example.Amounts(pictures=20, held_out=2, with_picture=0, identity=0, others=0)
    talks = example.build(replace(WHO, languages=languages), 0, few).talks
    told = [talk for talk in talks if talk.turns[0].isascii()]
    assert (len(told), len(talks) - len(told)) == (english, 20 if "zh" in languages else 0)
