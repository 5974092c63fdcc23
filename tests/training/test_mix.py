"""Several datasets into one."""

from __future__ import annotations

from collections import Counter

import pytest

from training import dataset, mix
from training.__main__ import main
from training.errors import UserError
from training.identity import Row
from training.persona import Persona

MING = Persona("小明", "张三")


def rows(letter: str, count: int, kind: str = "general") -> list[Row]:
    return [
        Row(({"role": "user", "content": f"{letter}{n}"}, {"role": "assistant", "content": "yes"}), kind, "en")
        for n in range(count)
    ]


@pytest.fixture(autouse=True)
def saved() -> None:
    dataset.save("who", rows("w", 40, "identity"), MING)
    dataset.save("talk", rows("t", 100))


def asked(name: str) -> list[str]:
    return [row.messages[0]["content"] for row in dataset.load(name)]


def test_each_part_is_taken_by_its_ratio_and_the_kinds_are_kept() -> None:
    mix.mix("both", {"who": 2.25, "talk": 0.5})
    times = Counter(asked("both"))
    assert sum(times[f"w{n}"] for n in range(40)) == 90 and {times[f"w{n}"] for n in range(40)} == {2, 3}
    assert sum(times[f"t{n}"] for n in range(100)) == 50 and max(times[f"t{n}"] for n in range(100)) == 1
    summary = dataset.card("both")["summary"]
    assert (summary["rows"], summary["identity"], summary["general"]) == (140, 90, 50)


def test_the_order_is_mixed_and_the_same_for_the_same_seed() -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        mix.mix(name, {"who": 1, "talk": 1}, seed)
    assert asked("a") == asked("b") != asked("c")
    first = asked("a")[:40]
    assert 3 < sum(text.startswith("w") for text in first) < 37


def test_what_the_forecast_says_is_what_comes_out() -> None:
    found = mix.forecast({"who": 0.5, "talk": 1.5})
    mix.mix("both", {"who": 0.5, "talk": 1.5})
    made = mix.summary("both")
    assert (found.rows, found.identity, found.others, found.unknown) == (170, 20, 150, 0) and found.people == ("小明",)
    assert (made.rows, made.identity, made.general, made.languages) == (170, 20, 150, found.languages)


def test_equal_rows_are_taken_once_when_asked() -> None:
    dataset.copy("talk", "again")
    mix.mix("both", {"talk": 3, "again": 1}, distinct=True)
    assert sorted(asked("both")) == sorted(asked("talk"))


def test_the_card_says_what_was_mixed_and_whom_it_speaks_of() -> None:
    mix.mix("both", {"who": 1, "talk": 0.5}, seed=3)
    card = dataset.card("both")
    assert card["persona"]["name"] == "小明" and card["origin"]["seed"] == 3
    assert [(part["dataset"], part["ratio"]) for part in card["origin"]["mixed"]] == [("who", 1), ("talk", 0.5)]
    assert card["origin"]["mixed"][0]["sha256"] == dataset.card("who")["sha256"]


def test_two_assistants_in_one_dataset_have_no_exam() -> None:
    dataset.save("other", rows("o", 5, "identity"), Persona("Robin", "Ada"))
    mix.mix("both", {"who": 1, "other": 1})
    assert "persona" not in dataset.card("both") and mix.forecast({"who": 1, "other": 1}).people == ("小明", "Robin")


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({}, "mix_nothing"),
        ({"who": 0}, "mix_ratio"),
        ({"who": -1}, "mix_ratio"),
        ({"who": float("nan")}, "mix_ratio"),
        ({"who": 1e9}, "mix_ratio"),
        ({"nobody": 1}, "dataset_missing"),
        ({"who": 0.001}, "mix_empty"),
    ],
)
def test_what_cannot_be_mixed_is_a_sentence_and_nothing_is_made(parts: dict[str, float], code: str) -> None:
    with pytest.raises(UserError) as caught:
        mix.mix("both", parts)
    assert caught.value.code == code and caught.value.sentence("zh")
    assert "both" not in dataset.names()


def test_a_dataset_may_be_mixed_into_itself() -> None:
    mix.mix("talk", {"talk": 1, "who": 1})
    assert len(dataset.load("talk")) == 140


def test_mixing_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mix", "who", "talk=0.5", "--out", "both", "--json"]) == 0
    assert '"rows": 90' in capsys.readouterr().out
    assert main(["mix", "who=much", "--out", "both"]) == 1
    assert "The ratio of who is much" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["who", "--out", "talk"], "dataset_there"),
        (["who=1", "talk=0.5", "who=0.5", "--out", "both"], "mix_twice"),
        (["who", "--out", "both", "--model", "nobody"], "model_missing"),
    ],
)
def test_a_mix_that_would_not_be_what_was_asked_for_is_not_made(
    arguments: list[str], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mix", *arguments, "--json"]) == 1
    assert f'"error": "{error}"' in capsys.readouterr().out
    assert len(dataset.load("talk")) == 100 and "both" not in dataset.names()


def test_a_mix_takes_the_place_of_a_dataset_where_that_is_said() -> None:
    assert main(["mix", "who", "talk", "--out", "talk", "--replace"]) == 0
    assert len(dataset.load("talk")) == 140
