from __future__ import annotations

import pytest

from serving.pieces import Pieces


def decode_bytes(ids: list[int]) -> str:
    """A byte-level tokenizer: every token is one byte; 256 is a control token that shows nothing."""
    return bytes(token for token in ids if token < 256).decode("utf-8", "replace")


def decode_sentencepiece(ids: list[int]) -> str:
    """Bytes too, but a space at the start is dropped, and one broken byte breaks its whole run (as ByteFallback)."""
    data = bytes(ids)
    try:
        return data.decode().removeprefix(" ")
    except UnicodeDecodeError:
        ascii_end = next(place for place, byte in enumerate(data) if byte > 127)
        return data[:ascii_end].decode().removeprefix(" ") + "\ufffd" * (len(data) - ascii_end)


@pytest.mark.parametrize("text", ["hello world", "我是小明的助手。", "a 🚀👩‍👩‍👧 b", "é ü ñ", " x  y\n\n z"])
def test_the_pieces_are_whole_characters_and_add_up_to_the_text(text: str) -> None:
    pieces = Pieces(decode_bytes)
    shown = [pieces.add(token) for token in text.encode()]
    assert "".join(shown) == text
    assert not any("\ufffd" in piece for piece in shown)


@pytest.mark.parametrize("text", ["I am 小明 的 助手", "two  words", "ok 🚀 go"])
def test_a_decoder_that_drops_leading_spaces_loses_none_between_words(text: str) -> None:
    pieces = Pieces(decode_sentencepiece)
    assert "".join(pieces.add(token) for token in text.encode()) == text


def test_an_answer_cut_inside_a_character_ends_before_it() -> None:
    pieces = Pieces(decode_bytes)
    assert "".join(pieces.add(token) for token in "ab明".encode()[:-1]) == "ab"


def test_bytes_that_never_become_a_character_do_not_hold_up_the_rest() -> None:
    pieces = Pieces(decode_bytes)
    assert "".join(pieces.add(token) for token in b"a\xff\xfeb") == "a\ufffd\ufffdb"


def test_control_tokens_show_nothing() -> None:
    pieces = Pieces(decode_bytes)
    assert "".join(pieces.add(token) for token in [97, 256, 256, 98]) == "ab"
