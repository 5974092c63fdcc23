"""Is what we ask for in the encoder's output at all? python tests/bench/eyes_probe.py [--pictures 240]

Trains a linear classifier on the layer that LLaVA looks at, over drawn pictures, and one line for each way of reading
it: the average of the patches, their maximum, all of them side by side. Then the projector that first_sight fits: how
often its average patch is nearest to the right word among those of its kind. Needs a HOME (STUDIO_HOME).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("PYTHONWARNINGS", "ignore")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer, CLIPImageProcessor, CLIPVisionModel

from training import models
from training.eyes import first_sight
from training.eyes.llava_merge import LAYER
from training.eyes.painting import paint
from training.eyes.scenes import COLOURS, PLACES, SHAPES, Scene, scenes
from training.models import starter_eyes
from training.seeds import seeds

HELD_OUT = 200


def seen(drawn: list[Scene]) -> torch.Tensor:
    """What the encoder says: [pictures, patches, width]."""
    processor: Any = CLIPImageProcessor.from_pretrained(starter_eyes.ensure())
    encoder = CLIPVisionModel.from_pretrained(starter_eyes.ensure()).eval()
    found = []
    with torch.inference_mode():
        for start in range(0, len(drawn), 16):
            pixels = processor([paint(each) for each in drawn[start : start + 16]], return_tensors="pt")["pixel_values"]
            found.append(encoder(pixels, output_hidden_states=True).hidden_states[LAYER][:, 1:])
    return torch.cat(found).clone()


def accuracy(told: torch.Tensor, right: list[int]) -> float:
    """Of a linear classifier, on the last HELD_OUT pictures; -1 in `right`: not asked."""
    wanted = torch.tensor(right)
    learn, test = (
        torch.arange(len(wanted)) < len(wanted) - HELD_OUT,
        torch.arange(len(wanted)) >= len(wanted) - HELD_OUT,
    )
    learn, test = learn & (wanted >= 0), test & (wanted >= 0)
    told = (told - told[learn].mean(0)) / (told[learn].std(0) + 1e-6)
    layer = torch.nn.Linear(told.shape[1], int(wanted.max()) + 1)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=100)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        found = functional.cross_entropy(layer(told[learn]), wanted[learn]) + 1e-3 * layer.weight.pow(2).sum()
        found.backward()
        return found

    optimizer.step(loss)
    return (layer(told[test]).argmax(1) == wanted[test]).float().mean().item()


def nearest_words(patches: torch.Tensor, drawn: list[Scene]) -> dict[str, float]:
    """How often first_sight's projector, fitted to all but the last HELD_OUT pictures, names those rightly."""
    words, place = seeds("eyes", "en"), models.starter.ensure()
    texts = [
        words["caption"]["one" if each.place else "many"].format(
            colour=words["colours"][each.colour],
            shape=words["shapes"][each.shape][0],
            shapes=words["shapes"][each.shape][1],
            Count=words["counts"][str(each.count)].capitalize(),
            place=words["places"].get(each.place, ""),
        )
        for each in drawn[:-HELD_OUT]
    ]
    torch.manual_seed(0)
    weights = list(first_sight.solved(patches[:-HELD_OUT], first_sight._words(place, texts)).values())
    said = functional.gelu(patches @ weights[0].T + weights[1]) @ weights[2].T + weights[3]
    said = said.mean(1) - said[:-HELD_OUT].mean((0, 1))
    tokenizer: Any = AutoTokenizer.from_pretrained(place)
    known = AutoModelForCausalLM.from_pretrained(place).get_input_embeddings().weight.detach()
    rates = {}
    for kind, keys, names in (
        ("colour", COLOURS, [words["colours"][each] for each in COLOURS]),
        ("shape", SHAPES, [words["shapes"][each][0] for each in SHAPES]),
        ("place", PLACES, [words["places"][each].split()[-1] for each in PLACES]),
    ):
        vectors = torch.stack([known[tokenizer(f" {name}")["input_ids"]].mean(0) for name in names])
        chosen = (said @ (vectors - vectors.mean(0)).T).argmax(1)[-HELD_OUT:].tolist()
        asked = [(keys[at], getattr(each, kind)) for at, each in zip(chosen, drawn[-HELD_OUT:]) if getattr(each, kind)]
        rates[kind] = sum(one == other for one, other in asked) / len(asked)
    return rates


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=240, help="to learn from; 200 more are held out")
    drawn = scenes(parser.parse_args().pictures + HELD_OUT, 7)
    patches = seen(drawn)
    least, most = patches.std((0, 1)).aminmax()
    print(f"norm of a patch {patches.norm(dim=-1).mean():.1f}, spread of a dimension {least:.2f} to {most:.2f}")
    right = {
        "colour": [COLOURS.index(each.colour) for each in drawn],
        "shape": [SHAPES.index(each.shape) for each in drawn],
        "count": [each.count - 1 for each in drawn],
        "place": [PLACES.index(each.place) if each.place else -1 for each in drawn],
    }
    for name, told in (("mean", patches.mean(1)), ("max", patches.amax(1)), ("all", patches.flatten(1))):
        print(name, {kind: round(accuracy(told, each), 3) for kind, each in right.items()}, flush=True)
    print("first sight", {kind: round(rate, 3) for kind, rate in nearest_words(patches, drawn).items()})
