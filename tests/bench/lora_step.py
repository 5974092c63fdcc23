"""A training step with peft's own LoRA, with LoRA added in place, with frozen weights in bf16 (where the CPU multiplies
it), and with LoRA beside the feed-forward layers only: python tests/bench/lora_step.py

The starter model, eight conversations of 44 and of 100 tokens, forward and backward; the sides take turns. Needs a HOME
(STUDIO_HOME).
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora.layer import Linear
from transformers import AutoModelForCausalLM

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

TURNS = 12


def with_lora(folder: Path, layers: tuple[str, ...]) -> Any:
    """The model as XTuner trains it."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32", attn_implementation="eager")
    adapter = LoraConfig(r=16, lora_alpha=32, target_modules=list(layers), task_type="CAUSAL_LM")
    model = get_peft_model(model, adapter).train()
    model.enable_input_require_grads()
    return model


def main() -> None:
    pefts = Linear.forward
    from training import xtuner_speed
    from training.machine import amx
    from training.models import starter
    from training.recipe import LORA_LAYERS

    xtuner_speed.apply()
    whole, halved, few = (with_lora(starter.ensure(), LORA_LAYERS[name]) for name in ("all", "all", "feed_forward"))
    for model in (halved, few):
        if amx():
            xtuner_speed.halve(model)
    sides = {
        "peft": (pefts, whole),
        "in place": (Linear.forward, whole),
        "in place, frozen weights in bf16": (Linear.forward, halved),
        "the same, feed-forward only": (Linear.forward, few),
    }
    if not amx():
        del sides["in place, frozen weights in bf16"]
    for length in (44, 100):
        tokens = torch.arange(8 * length).reshape(8, length) % 40_000
        labels = torch.where(torch.arange(length) < length // 2, -100, tokens)
        took: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(TURNS):
            for side, (forward, model) in sides.items():
                Linear.forward = forward
                began = time.perf_counter()
                model(input_ids=tokens, labels=labels).loss.backward()
                took[side].append(time.perf_counter() - began)
        for side, seconds in took.items():
            print(f"8 x {length}, {side}: median {statistics.median(seconds[1:]):.3f} s, least {min(seconds):.3f} s")


if __name__ == "__main__":
    main()
