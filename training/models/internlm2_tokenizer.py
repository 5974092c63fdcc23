"""InternLM2's tokenizer.model as a tokenizer.json that transformers loads by itself, without InternLM2's own program.

The file is a SentencePiece BPE in protobuf's wire format, read here with nothing but the standard library. What makes
it InternLM2's: no space is put before a text, unknown characters become bytes, and its last pieces are reserved names
that only tokenizer_config.json calls <|im_start|>, <|im_end|> and so on. Checked against SentencePiece every time.
Not covered: a NUL in a text, which has a piece of its own here and is a byte to SentencePiece 0.2.3.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors

from training.errors import UserError
from training.files import write_json, write_text

_NORMAL, _CONTROL, _USER, _BPE = 1, 3, 4, 2
_SPACE = "\u2581"

PROBES = (
    "Hello, how are you?",
    "The capital of France is Paris.\n\nIt is 3.14159 km away, isn't it?",
    "你好，世界！请介绍一下你自己。",
    "  leading  and\tinternal\nwhitespace  ",
    "café naïve — 🚀👩‍👩‍👧 𠮷野家",
    "def f(x):\n    return {'a': [x ** 2]}  # 注释\r\n",
    "<b>user</b> & [UNK] ## http://a.b/c?d=e%20f",
    " ",
    "\n",
)
"""Texts that are split by SentencePiece and by the new file, which have to agree."""


@dataclass(frozen=True)
class Pieces:
    """What is used of a tokenizer.model."""

    names: list[str]
    scores: list[float]
    kinds: list[int]
    dummy_prefix: bool
    """Whether a space is put before every text."""
    charsmap: bytes
    """SentencePiece's own normalisation of characters; empty for none."""


def read_pieces(path: Path) -> Pieces:
    """Read a tokenizer.model. Raises UserError(model_incomplete, internlm2_tokenizer)."""
    names, scores, kinds = [], [], []
    trainer: dict[int, Any] = {}
    normalizer: dict[int, Any] = {}
    try:
        for field, value in _fields(path.read_bytes()):
            if field == 1:
                piece = dict(_fields(value))
                names.append(piece.get(1, b"").decode())
                scores.append(_float(piece.get(2, bytes(4))))
                kinds.append(piece.get(3, _NORMAL))
            elif field == 2:
                trainer = dict(_fields(value))
            elif field == 3:
                normalizer = dict(_fields(value))
    except (OSError, ValueError, IndexError, TypeError, AttributeError) as error:
        raise UserError("model_incomplete", path=path.parent, missing=path.name) from error
    if not names:
        raise UserError("model_incomplete", path=path.parent, missing=path.name)
    what = {
        "no BPE": trainer.get(3, 1) != _BPE,
        "no bytes": not trainer.get(35, 0),
        "remove_extra_whitespaces": bool(normalizer.get(4, 1)),
        "treat_whitespace_as_suffix": bool(trainer.get(24, 0)),
    }
    if any(what.values()):
        raise UserError("internlm2_tokenizer", path=path, reason=next(each for each, is_so in what.items() if is_so))
    return Pieces(names, scores, kinds, bool(normalizer.get(3, 1)), normalizer.get(2, b""))


def _float(four: bytes) -> float:
    return float(struct.unpack("<f", four)[0])


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protobuf message: numbers as int, the rest as bytes. Raises ValueError or IndexError."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        length, at = _varint(data, at) if wire == 2 else ({1: 8, 5: 4}.get(wire, -1), at)
        if length < 0 or at + length > len(data):
            raise ValueError("not a protobuf message, or half of one")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at


def build(pieces: Pieces, named: dict[int, dict[str, Any]]) -> Tokenizer:
    """The tokenizer. `named` are the added_tokens_decoder's entries by id; they rename the reserved pieces."""
    names = list(pieces.names)
    for number, entry in named.items():
        names[number : number + 1] = [entry["content"]]  # behind the last one it is appended, in the order of the ids
    vocabulary = {name: number for number, name in enumerate(names)}
    unknown = pieces.names[pieces.kinds.index(2)] if 2 in pieces.kinds else None
    tokenizer = Tokenizer(
        models.BPE(
            vocab=vocabulary,
            merges=_merges(pieces, named, vocabulary),
            unk_token=unknown,
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    normal = [normalizers.Precompiled(pieces.charsmap)] if pieces.charsmap else []
    normal += [normalizers.Prepend(_SPACE)] if pieces.dummy_prefix else []
    tokenizer.normalizer = normalizers.Sequence([*normal, normalizers.Replace(" ", _SPACE)])
    strip = [decoders.Strip(" ", 1, 0)] if pieces.dummy_prefix else []
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
    own = {
        number: AddedToken(names[number].replace(_SPACE, " "), normalized=False, special=kind == _CONTROL)
        for number, kind in enumerate(pieces.kinds)
        if kind in (_CONTROL, _USER)
    }
    for number, entry in named.items():
        flags = {flag: bool(entry.get(flag)) for flag in ("lstrip", "rstrip", "single_word", "normalized", "special")}
        own[number] = AddedToken(entry["content"], **flags)
    for number in sorted(own):
        add = tokenizer.add_special_tokens if own[number].special else tokenizer.add_tokens
        add([own[number]])
    return tokenizer


def _merges(pieces: Pieces, named: dict[int, Any], vocabulary: dict[str, int]) -> list[tuple[str, str]]:
    """Every way to put a piece together out of two others, the best pieces first."""
    ranked = []
    for number, (name, score, kind) in enumerate(zip(pieces.names, pieces.scores, pieces.kinds, strict=True)):
        if kind != _NORMAL or number in named:
            continue
        for at in range(1, len(name)):
            left, right = name[:at], name[at:]
            if left in vocabulary and right in vocabulary:
                ranked.append((-score, -len(left), -len(right), left, right))
    return [(left, right) for *_, left, right in sorted(ranked)]


def write(source: Path, target: Path, told: dict[str, Any], vocabulary: int, context: int) -> Tokenizer:
    """Write tokenizer.json and its companions; `told` is the source's tokenizer_config.json.

    Raises UserError(model_incomplete, internlm2_tokenizer).
    """
    path = source / "tokenizer.model"
    pieces = read_pieces(path)
    try:
        entries = {int(number): entry for number, entry in (told.get("added_tokens_decoder") or {}).items()}
        named = {number: entry for number, entry in sorted(entries.items()) if str(entry["content"])}
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise UserError("internlm2_tokenizer", path=source, reason=f"added_tokens_decoder: {error}") from error
    tokenizer = build(pieces, named)
    _check(path, tokenizer, named, vocabulary)
    marks = {
        "bos_token": _mark(told, "bos_token", "<s>"),
        "eos_token": _mark(told, "eos_token", "</s>"),
        "unk_token": _mark(told, "unk_token", "<unk>"),
        "pad_token": _mark(told, "pad_token", "</s>"),
    }
    start, first = marks["bos_token"], tokenizer.token_to_id(marks["bos_token"])
    if first is None or any(tokenizer.token_to_id(mark) is None for mark in marks.values()):
        raise UserError("internlm2_tokenizer", path=source, reason=", ".join(marks.values()))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A", pair=f"{start} $A {start}:1 $B:1", special_tokens=[(start, first)]
    )
    write_text(target / "tokenizer.json", tokenizer.to_str())
    more = [entry["content"] for entry in named.values() if entry.get("special")]
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **marks,
        "additional_special_tokens": [each for each in more if each not in marks.values()],
        "added_tokens_decoder": {str(number): entry for number, entry in named.items()},
        "chat_template": told.get("chat_template"),
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],  # or generate() is given token_type_ids and refuses
        "model_max_length": context,
    }
    write_json(target / "tokenizer_config.json", config)
    write_json(target / "special_tokens_map.json", marks)
    return tokenizer


def _mark(told: dict[str, Any], name: str, default: str) -> str:
    value = told.get(name) or default
    return str(value.get("content", default)) if isinstance(value, dict) else str(value)


def _check(path: Path, tokenizer: Tokenizer, named: dict[int, dict[str, Any]], vocabulary: int) -> None:
    """Ids within the vocabulary, every name at its own id, and SentencePiece's very ids for the probes."""
    import sentencepiece

    ids = tokenizer.get_vocab(with_added_tokens=True)
    if max(ids.values()) >= vocabulary:
        raise UserError("internlm2_tokenizer", path=path, reason=f"{max(ids.values())} >= vocab_size {vocabulary}")
    for number, entry in named.items():
        if ids.get(entry["content"]) != number:
            raise UserError("internlm2_tokenizer", path=path, reason=f"{entry['content']}: {number}")
    try:
        judge = sentencepiece.SentencePieceProcessor(model_file=str(path))
    except (RuntimeError, OSError) as error:
        raise UserError("internlm2_tokenizer", path=path, reason=str(error)[:200]) from error
    for text in PROBES:
        if tokenizer.encode(text, add_special_tokens=False).ids != judge.encode(text):
            raise UserError("internlm2_tokenizer", path=path, reason=repr(text))
