"""LLaVA in tiny: random weights, everything else as in the starter."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from training.eyes.llava_config import Places


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, starter_weights: Path) -> Places:
    """The starter's tokenizer with a tiny language model, and a tiny encoder."""
    import torch
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    place = tmp_path_factory.mktemp("tiny")
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4}
    known = json.loads((starter_weights / "config.json").read_text())
    kept = {key: known[key] for key in ("vocab_size", "eos_token_id", "pad_token_id", "tie_word_embeddings")}
    LlamaForCausalLM(LlamaConfig(**sizes, num_key_value_heads=2, **kept)).save_pretrained(place / "model")
    for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"):
        shutil.copy(starter_weights / file, place / "model")
    CLIPVisionModel(CLIPVisionConfig(**sizes, image_size=28, patch_size=14)).save_pretrained(place / "encoder")
    square = {"height": 28, "width": 28}
    CLIPImageProcessor(size={"shortest_edge": 28}, crop_size=square).save_pretrained(place / "encoder")
    return Places(place / "model", place / "encoder", place)
