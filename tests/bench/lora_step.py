"""A training step with LoRA added in place and with peft's own: python tests/bench/lora_step.py

The starter model, LoRA in every linear layer, eight conversations of 44 and of 100 tokens, forward and backward; both
sides take turns. Needs a HOME (STUDIO_HOME).
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from peft.tuners.lora.layer import Linear
from transformers import AutoModelForCausalLM

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

TURNS = 12


def main() -> None:
    sides = {"peft": Linear.forward}
    from training import xtuner_repairs  # noqa: F401 - it is the other side
    from training.models import starter

    sides["in place"] = Linear.forward
    model = AutoModelForCausalLM.from_pretrained(starter.ensure(), dtype="float32", attn_implementation="eager")
    adapter = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
    model = get_peft_model(model, adapter).train()
    model.enable_input_require_grads()
    for length in (44, 100):
        tokens = torch.arange(8 * length).reshape(8, length) % 40_000
        labels = torch.where(torch.arange(length) < length // 2, -100, tokens)
        took: dict[str, list[float]] = {side: [] for side in sides}
        for _ in range(TURNS):
            for side, forward in sides.items():
                Linear.forward = forward
                began = time.perf_counter()
                model(input_ids=tokens, labels=labels).loss.backward()
                took[side].append(time.perf_counter() - began)
        for side, seconds in took.items():
            print(f"8 x {length}, {side}: median {statistics.median(seconds[1:]):.3f} s, least {min(seconds):.3f} s")


if __name__ == "__main__":
    main()
