"""The first stage as a plain torch loop, without XTuner: python tests/bench/eyes_loop.py [--start plain|first_sight]

Features are computed once, so a step is only the language model's. Every --every steps it describes the held-out
pictures; prints how often colour, shape and place are named rightly. Needs a HOME (STUDIO_HOME).
"""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("PYTHONWARNINGS", "ignore")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer

from training import models
from training.eyes import example, first_sight
from training.eyes.llava import Talk
from training.eyes.scenes import Scene
from training.models import starter_eyes
from training.persona import Persona
from training.seeds import seeds

WHO = Persona("Robin", "Ada Lin", languages=("en",))
STEP = 8


class Loop:
    """The frozen language model, the features of all pictures, and a projector."""

    def __init__(self, start: str, amounts: example.Amounts, seed: int) -> None:
        torch.manual_seed(seed)
        torch.set_float32_matmul_precision("medium")
        self.made, place = example.build(WHO, seed, amounts), models.starter.ensure()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(place)
        llm: Any = AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32, attn_implementation="eager")
        self.llm = llm.requires_grad_(False)
        self.embed = llm.get_input_embeddings()
        width = llm.config.hidden_size
        with tempfile.TemporaryDirectory() as folder:
            example.write(self.made, Path(folder))
            files = [Path(folder) / each for each in self.made.pictures]
            self.seen = dict(zip(self.made.pictures, first_sight._seen(starter_eyes.ensure(), files).clone()))
            self.projector = torch.nn.Sequential(
                torch.nn.Linear(len(next(iter(self.seen.values()))[0]), width),
                torch.nn.GELU(),
                torch.nn.Linear(width, width),
            )
            if start == "first_sight":
                file = Path(folder) / "first.pth"
                first_sight.fit(place, starter_eyes.ensure(), Path(folder) / "captions.json", file)
                weights = torch.load(file, weights_only=True)["state_dict"]
                named = {name.removeprefix("projector.model."): each for name, each in weights.items()}
                self.projector.load_state_dict(named)

    def _ids(self, text: str) -> Any:
        return torch.tensor(self.tokenizer(text, add_special_tokens=False)["input_ids"], dtype=torch.long)

    def batch(self, talks: list[Talk], left: bool = False) -> tuple[Any, Any, Any]:
        """Embeddings, attention mask and labels of one-turn conversations; padded on one side."""
        shown = self.projector(torch.stack([self.seen[each.image] for each in talks]))
        rows, labels = [], []
        for talk, patches in zip(talks, shown):
            head = self._ids("<|im_start|>user\n")
            asked = self._ids(f"\n{talk.turns[0]}<|im_end|>\n<|im_start|>assistant\n")
            answer = self._ids(f"{talk.turns[1]}<|im_end|>") if len(talk.turns) > 1 else self._ids("")
            rows.append(torch.cat([self.embed(head), patches, self.embed(asked), self.embed(answer)]))
            labels.append(torch.cat([torch.full((len(rows[-1]) - len(answer),), -100), answer]))
        longest = max(map(len, rows))
        wide = [(longest - len(row), 0) if left else (0, longest - len(row)) for row in rows]
        padded = torch.stack([functional.pad(row, (0, 0, *side)) for row, side in zip(rows, wide)])
        mask = torch.stack([functional.pad(torch.ones(len(row)), side) for row, side in zip(rows, wide)]).long()
        return padded, mask, torch.stack([functional.pad(row, side, value=-100) for row, side in zip(labels, wide)])

    def loss(self, talks: list[Talk]) -> torch.Tensor:
        embeds, mask, labels = self.batch(talks)
        states = self.llm.model(inputs_embeds=embeds, attention_mask=mask, use_cache=False).last_hidden_state[:, :-1]
        learned = labels[:, 1:] != -100
        return functional.cross_entropy(self.llm.lm_head(states[learned]), labels[:, 1:][learned])

    def described(self) -> tuple[dict[str, float], list[str]]:
        """How often a held-out picture's colour, shape and place are named, and what is said of the first three."""
        question = seeds("eyes", "en")["caption"]["questions"][0]
        with torch.no_grad():
            embeds, mask, _ = self.batch([Talk((question,), file) for file in self.made.exam], left=True)
            said = self.llm.generate(inputs_embeds=embeds, attention_mask=mask, max_new_tokens=14, do_sample=False)
        texts = self.tokenizer.batch_decode(said, skip_special_tokens=True)
        told = [(self.made.pictures[file], text) for file, text in zip(self.made.exam, texts)]
        return {kind: _rate(kind, told) for kind in ("colour", "shape", "place")}, texts[:3]


def _rate(kind: str, told: list[tuple[Scene, str]]) -> float:
    words = seeds("eyes", "en")
    names = {"colour": lambda s: words["colours"][s.colour], "shape": lambda s: words["shapes"][s.shape][0]}
    names["place"] = lambda s: words["places"].get(s.place, "")
    asked = [(names[kind](scene), text) for scene, text in told if names[kind](scene)]
    return round(sum(name in text for name, text in asked) / len(asked), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--start", choices=("plain", "first_sight"), default="first_sight")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--pictures", type=int, default=240)
    parser.add_argument("--every", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    amounts = example.Amounts(options.pictures, 24, 0, 0, 0)
    loop, chance = Loop(options.start, amounts, options.seed), random.Random(options.seed)
    optimizer = torch.optim.AdamW(loop.projector.parameters(), lr=options.rate, weight_decay=0.0)
    warm, began = max(1, options.steps // 20), time.monotonic()
    losses: list[float] = []
    for step in range(1, options.steps + 1):
        share = max(0, step - warm) / max(1, options.steps - warm)
        optimizer.param_groups[0]["lr"] = options.rate * min(1, step / warm) * (1 + math.cos(math.pi * share)) / 2
        found = loop.loss(chance.sample(loop.made.captions, STEP))
        found.backward()
        torch.nn.utils.clip_grad_norm_(loop.projector.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(found.item())
        if step % options.every == 0 or step == options.steps:
            mean = sum(losses[-25:]) / len(losses[-25:])
            print(f"{step}: loss {mean:.2f}, {time.monotonic() - began:.0f} s, {loop.described()}", flush=True)


if __name__ == "__main__":
    main()
