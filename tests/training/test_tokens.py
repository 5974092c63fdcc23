"""How long a dataset is for a model."""

from __future__ import annotations

import pytest

from training import dataset, tokens
from training.identity import Row


def row(words: int) -> Row:
    said = " ".join("w" for _ in range(words))
    return Row(({"role": "user", "content": said}, {"role": "assistant", "content": said}), "", "en")


@pytest.fixture
def words(tiny: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model whose tokenizer counts words."""
    from tokenizers import Tokenizer, pre_tokenizers
    from tokenizers.models import WordLevel

    from training import models

    tokenizer = Tokenizer(WordLevel({"?": 0, "w": 1}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(models.place(tiny) / "tokenizer.json"))
    return tiny


def test_every_row_is_measured_and_those_that_would_be_cut_are_counted(words: str) -> None:
    dataset.save("mine", [row(10), row(10), row(300)])
    measured = tokens.measure("mine", words)
    assert measured.lengths == {28: 2, 608: 1} and measured.exact
    assert (measured.tokens, measured.longest) == (664, 608)
    assert [measured.mute(limit) for limit in (14, 15, 304, 305)] == [3, 1, 1, 0]
    assert [measured.longer(limit) for limit in (27, 28, 607, 608)] == [3, 1, 1, 0]


def test_a_big_set_is_measured_by_a_sample_that_is_spread_over_it(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset.save("mine", (row(10 if n < 500 else 30) for n in range(1000)))
    monkeypatch.setattr(tokens, "_READ", 20_000)
    measured = tokens.measure("mine", words)
    assert not measured.exact and sum(measured.lengths.values()) < 300
    assert measured.tokens == pytest.approx(500 * 28 + 500 * 68, rel=0.05)
    assert measured.longer(40) == pytest.approx(500, rel=0.05)


def test_without_the_model_the_numbers_are_an_estimate() -> None:
    dataset.save("mine", [row(100)])
    measured = tokens.measure("mine", "starter")
    assert not measured.exact and 50 < measured.tokens < 200


def test_a_dataset_that_was_replaced_is_measured_again(words: str) -> None:
    dataset.save("mine", [row(10)])
    assert tokens.measure("mine", words).tokens == 28
    dataset.save("mine", [row(20)])
    assert tokens.measure("mine", words).tokens == 48
