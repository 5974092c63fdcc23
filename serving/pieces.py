"""Token ids into text that can be shown at once: only whole characters leave this room."""

from __future__ import annotations

from collections.abc import Callable

_BROKEN = "\ufffd"  # what a decoder writes for bytes that are no character, or not yet one


class Pieces:
    """Collects tokens and hands out the text they complete.

    A Chinese character or an emoji can be spread over several tokens; it is held back until its last byte is there.
    Only the last few tokens are decoded again each time. They begin where the text was whole, because decoders of
    the SentencePiece kind treat the start of what they are given differently.
    """

    def __init__(self, decode: Callable[[list[int]], str]) -> None:
        self._decode = decode
        self._tokens: list[int] = []
        self._settled = 0  # tokens before this one were whole text
        self._sent = ""  # what of the decoded tokens has been handed out

    def add(self, token: int) -> str:
        """The characters this token completes; often one word, sometimes nothing."""
        self._tokens.append(token)
        text = self._decode(self._tokens)
        whole = text.rstrip(_BROKEN)
        piece = whole[len(self._sent) :]
        self._sent += piece
        if piece and whole == text:
            self._tokens = self._tokens[self._settled :]
            self._settled = len(self._tokens)
            self._sent = self._decode(self._tokens)
        return piece
