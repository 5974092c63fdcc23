"""A projector to begin with, fitted in seconds: `python -m training.eyes.first_sight MODEL ENCODER ROWS FILE`.

A random projector's first hundred steps go into finding out where the words are. Here its first layer evens out what
the encoder tells (some of its numbers are twenty times as large as others), and its second one is solved, by least
squares, so that every patch becomes the average of the words that are said about its picture, rare words before common
ones. FILE is as XTuner's `pretrained_pth` wants it. Trains nothing by gradient, and knows of no shape or colour: ROWS
may be any captions.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.eyes import llava, pictures
from training.eyes.llava_merge import LAYER
from training.models import vision

MOST = 320
"""Pictures that are looked at; each takes about 30 ms."""
_RIDGE = 1e-3


def fit(model: Path, encoder: Path, rows: Path, file: Path) -> None:
    """Write the projector's weights. Raises UserError where ROWS or its pictures cannot be read."""
    import torch

    torch.manual_seed(0)
    told = _told(rows)
    files = list(told)[:MOST]
    seen = _seen(encoder, [rows.parent / each for each in files])
    words = _words(model, [told[each] for each in files])
    half = file.with_suffix(".half")
    torch.save({"state_dict": solved(seen, words)}, half)
    half.replace(file)


def solved(seen: Any, words: Any) -> dict[str, Any]:
    """The projector from patches [pictures, patches, width] and what each picture shall become [pictures, width]."""
    import torch

    patches = seen.flatten(0, 1)
    centre, width = patches.mean(0), words.shape[1]
    first = torch.randn(width, patches.shape[1]) / patches.std(0) / patches.shape[1] ** 0.5
    shift = 0.5 * torch.randn(width) - first @ centre
    hidden = torch.nn.functional.gelu(patches @ first.T + shift)
    hidden = torch.cat([hidden, torch.ones(len(hidden), 1)], 1)
    wanted = words.repeat_interleave(seen.shape[1], 0)
    second = torch.linalg.solve(hidden.T @ hidden + _RIDGE * len(hidden) * torch.eye(width + 1), hidden.T @ wanted)
    found = {"0.weight": first, "0.bias": shift, "2.weight": second[:-1].T.contiguous(), "2.bias": second[-1]}
    return {f"projector.model.{name}": each for name, each in found.items()}


def _told(rows: Path) -> dict[str, str]:
    """By picture, all that is said about it."""
    told: dict[str, str] = {}
    for talk in llava.read(rows, rows.parent).talks:
        if talk.image:
            told[talk.image] = " ".join([*filter(None, [told.get(talk.image)]), *talk.turns[1::2]])
    return told


def _seen(encoder: Path, files: Sequence[Path]) -> Any:
    import torch
    import transformers

    kind = vision.kind(encoder)
    processor: Any = getattr(transformers, kind.processor).from_pretrained(encoder)
    eyes = getattr(transformers, kind.model).from_pretrained(encoder).eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(files), 16):
            shown = [pictures.look(file) for file in files[start : start + 16]]
            pixels = processor(shown, return_tensors="pt")["pixel_values"]
            found.append(eyes(pixels, output_hidden_states=True).hidden_states[LAYER][:, 1:])
    return torch.cat(found)


def _words(model: Path, texts: Sequence[str]) -> Any:
    """Each text as one vector, as long as a word's."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    llm: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    known = llm.get_input_embeddings().weight.detach()
    tokens = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in texts]
    often = Counter(token for each in tokens for token in set(each))
    rare = [torch.tensor([math.log((1 + len(texts)) / often[token]) for token in each]) for each in tokens]
    found = torch.stack([weight @ known[torch.tensor(each)] / weight.sum() for weight, each in zip(rare, tokens)])
    return found * (known.std() / found.std())


if __name__ == "__main__":
    fit(*map(Path, sys.argv[1:]))
