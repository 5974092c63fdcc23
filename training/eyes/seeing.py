"""Answers of a model with eyes, many at once: plain transformers, greedy, no system prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from training.eyes import pictures, sight

TEXTS, PICTURES = 84, 32
"""Questions at once, without a picture and with one."""
TOKENS = 48


def answers(
    model: Any,
    processor: Any,
    asked: Sequence[dict[str, str]],
    folder: Path,
    tick: Callable[[int], None] = lambda _: None,
) -> list[str]:
    """Each question's answer, at most TOKENS long. `tick` hears how many are answered."""
    found, done = [""] * len(asked), 0
    # Questions with a picture together, and short ones together: less is padded.
    order = sorted(range(len(asked)), key=lambda place: len(asked[place]["text"]))
    for with_picture, batch in ((False, TEXTS), (True, PICTURES)):
        places = [place for place in order if bool(asked[place]["picture"]) is with_picture]
        for start in range(0, len(places), batch):
            some = places[start : start + batch]
            for place, answer in zip(some, _together(model, processor, [asked[each] for each in some], folder)):
                found[place] = answer
            done += len(some)
            tick(done)
    return found


def _together(model: Any, processor: Any, asked: Sequence[dict[str, str]], folder: Path) -> list[str]:
    from training.exam import greedy  # it imports torch

    prompts, shown = [], []
    for each in asked:
        images = [each["picture"]] if each["picture"] else []
        shown += [pictures.look(folder / image) for image in images]
        prompts.append(sight.prompt(processor, [{"role": "user", "content": each["text"], "images": images}]))
    inputs = processor(images=shown or None, text=prompts)
    ids = [list(each) for each in inputs["input_ids"]]
    seen = {"pixel_values": _pixels(inputs["pixel_values"]).to(model.device)} if shown else {}
    said = greedy.together(model, ids, TOKENS, greedy.ends(model, processor.tokenizer), **seen)
    return [greedy.text(processor.tokenizer, each) for each in said]


def _pixels(each: Any) -> Any:
    import numpy
    import torch

    return torch.from_numpy(numpy.stack(list(each)))


def load(folder: Path) -> tuple[Any, Any]:
    """The model in `folder` and its processor."""
    model, _, processor = sight.load(folder, "float32", "cpu")
    return use_gpu(model), processor


def use_gpu(model: Any) -> Any:
    """The model on a GPU where there is one. It stays in float32: the starter's eyes do not bear float16."""
    import torch

    return model.to("cuda" if torch.cuda.is_available() else "cpu")
