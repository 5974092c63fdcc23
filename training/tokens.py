"""How many tokens a dataset has for a model: exact with the model's tokenizer, estimated while it is not here yet."""

from __future__ import annotations

from training import dataset, models
from training.errors import UserError

TURN = 8
"""Tokens of the chat markup around one question and its answer (ChatML)."""


def count(name: str, model: str) -> int:
    """Tokens that one pass over dataset `name` feeds to `model`. Raises UserError(dataset_missing, dataset_broken)."""
    texts = [message["content"] for row in dataset.load(name) for message in row["messages"]]
    file = models.place(model) / "tokenizer.json"
    if file.is_file():
        from tokenizers import Tokenizer  # light, but not needed to show the page

        try:
            tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises nothing more exact
            raise UserError("model_incomplete", path=file.parent, missing=file.name) from error
        words = sum(len(encoded.ids) for encoded in tokenizer.encode_batch(texts, add_special_tokens=False))
    else:
        words = sum(_estimate(text) for text in texts)
    return words + TURN * len(texts) // 2


def _estimate(text: str) -> int:
    # Measured with the starter's tokenizer: about 4 letters a token in English, 1.7 tokens a Chinese character.
    wide = sum(character > "\u2e7f" for character in text)
    return round(wide * 1.7 + (len(text) - wide) / 4)
