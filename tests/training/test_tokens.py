"""How long a dataset is for a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from training import dataset, models, tokens
from training.identity import Row


def row(words: int) -> Row:
    said = " ".join("w" for _ in range(words))
    return Row(({"role": "user", "content": said}, {"role": "assistant", "content": said}), "", "en")


@pytest.fixture
def words(tiny: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model whose tokenizer counts words."""
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel

    tokenizer = Tokenizer(WordLevel({"?": 0, "w": 1}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(models.place(tiny) / "tokenizer.json"))
    return tiny


def test_every_row_is_measured_and_those_that_would_be_cut_are_counted(words: str) -> None:
    dataset.save("mine", [row(10), row(10), row(300)])
    measured = tokens.measure("mine", words)
    assert measured.lengths == {31: 2, 611: 1} and measured.exact
    assert (measured.tokens, measured.longest) == (673, 611)
    assert [measured.mute(limit) for limit in (19, 20, 309, 310)] == [3, 1, 1, 0]
    assert [measured.longer(limit) for limit in (30, 31, 610, 611)] == [3, 1, 1, 0]


def test_a_row_is_as_long_as_what_the_starter_reads_of_it(starter_home: Path) -> None:
    from tokenizers import Tokenizer

    from training.models.chat_template import BEGIN, END

    talk = [
        ("system", "Be kind."),
        ("user", "Who are you?"),
        ("assistant", "我是小明。"),
        ("user", "And?"),
        ("assistant", "Yes."),
    ]
    said = Row(tuple({"role": role, "content": text} for role, text in talk), "general", "en")
    whole = "".join(f"{BEGIN}{role}\n{text}{END}\n" for role, text in talk)
    before = "".join(f"{BEGIN}{role}\n{text}{END}\n" for role, text in talk[:2]) + f"{BEGIN}assistant\n"
    tokenizer = Tokenizer.from_file(str(models.place("starter") / "tokenizer.json"))
    measured = tokens.measure_rows([said], "starter")
    assert measured.lengths == {len(tokenizer.encode(whole).ids): 1}
    assert measured.openings == {len(tokenizer.encode(before).ids): 1}


def test_a_big_set_is_measured_by_a_sample_that_is_spread_over_it(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset.save("mine", (row(10 if n < 500 else 30) for n in range(1000)))
    monkeypatch.setattr(tokens, "_READ", 20_000)
    measured = tokens.measure("mine", words)
    assert not measured.exact and sum(measured.lengths.values()) < 300
    assert measured.tokens == pytest.approx(500 * 31 + 500 * 71, rel=0.05)
    assert measured.longer(40) == pytest.approx(500, rel=0.05)


def test_without_the_model_the_numbers_are_an_estimate() -> None:
    dataset.save("mine", [row(100)])
    measured = tokens.measure("mine", "starter")
    assert not measured.exact and 50 < measured.tokens < 200


def test_a_dataset_that_was_replaced_is_measured_again(words: str) -> None:
    dataset.save("mine", [row(10)])
    assert tokens.measure("mine", words).tokens == 31
    dataset.save("mine", [row(20)])
    assert tokens.measure("mine", words).tokens == 51
