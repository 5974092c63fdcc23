"""Answers of a model with eyes, many at once: `python -m training.eyes.seeing MODEL PICTURES QUESTIONS ANSWERS`.

Plain transformers, greedy, no system prompt. QUESTIONS is a JSON list of {"text", "picture"}, whose pictures are in the
folder PICTURES; ANSWERS becomes a JSON list of texts.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.eyes import pictures, sight
from training.files import read_json, write_json

BATCH = 32
TOKENS = 48


def answers(model: Any, processor: Any, asked: Sequence[dict[str, str]], folder: Path) -> list[str]:
    """Each question's answer, at most TOKENS long."""
    found = [""] * len(asked)
    # Questions with a picture together, and short ones together: less is padded.
    order = sorted(range(len(asked)), key=lambda place: (bool(asked[place]["picture"]), len(asked[place]["text"])))
    for with_picture in (False, True):
        places = [place for place in order if bool(asked[place]["picture"]) is with_picture]
        for start in range(0, len(places), BATCH):
            some = places[start : start + BATCH]
            for place, answer in zip(some, _together(model, processor, [asked[each] for each in some], folder)):
                found[place] = answer
    return found


def _together(model: Any, processor: Any, asked: Sequence[dict[str, str]], folder: Path) -> list[str]:
    import torch

    prompts, seen = [], []
    for each in asked:
        images = [each["picture"]] if each["picture"] else []
        seen += [pictures.look(folder / image) for image in images]
        prompts.append(sight.prompt(processor, [{"role": "user", "content": each["text"], "images": images}]))
    inputs = processor(images=seen or None, text=prompts, return_tensors="pt", padding=True, padding_side="left")
    with torch.inference_mode():
        said = model.generate(**inputs.to(model.device), max_new_tokens=TOKENS, do_sample=False)
    told = processor.batch_decode(said[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [text.strip() for text in told]


def load(folder: Path) -> tuple[Any, Any]:
    """The model in `folder` and its processor; float32 on a CPU, bfloat16 on a GPU."""
    import torch
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    cuda = torch.cuda.is_available()
    model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.bfloat16 if cuda else torch.float32)
    return model.eval().to("cuda" if cuda else "cpu"), AutoProcessor.from_pretrained(folder)


if __name__ == "__main__":
    place, shown, given, written = map(Path, sys.argv[1:])
    write_json(written, answers(*load(place), read_json(given), shown))
