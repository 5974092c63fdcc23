"""LLaVA in tiny: random weights, everything else as in the starter."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from training.eyes.llava_config import Places

SIDE, PATCH = 28, 14
PATCHES = (SIDE // PATCH) ** 2
SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4}


def write_parts(place: Path, starter: Path, spread: float = 0.02) -> Places:
    """The starter's tokenizer with a tiny language model, and a tiny encoder. With a large `spread` it says much."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    known = json.loads((starter / "config.json").read_text())
    kept = {key: known[key] for key in ("vocab_size", "eos_token_id", "pad_token_id", "tie_word_embeddings")}
    config = LlamaConfig(**SIZES, num_key_value_heads=2, initializer_range=spread, **kept)
    LlamaForCausalLM(config).save_pretrained(place / "model")
    for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"):
        shutil.copy(starter / file, place / "model")
    write_encoder(place / "encoder")
    return Places(place / "model", place / "encoder", place)


def write_siglip(folder: Path) -> None:
    """A tiny vision encoder of the other kind."""
    from transformers import SiglipImageProcessor, SiglipVisionConfig, SiglipVisionModel

    SiglipVisionModel(SiglipVisionConfig(**SIZES, image_size=SIDE, patch_size=PATCH)).save_pretrained(folder)
    SiglipImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)


def write_encoder(folder: Path) -> None:
    """A tiny vision encoder."""
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

    CLIPVisionModel(CLIPVisionConfig(**SIZES, image_size=SIDE, patch_size=PATCH)).save_pretrained(folder)
    square = {"height": SIDE, "width": SIDE}
    CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=square).save_pretrained(folder)


def write_llava(folder: Path, model: Path, encoder: Path) -> Path:
    """What llava_merge makes of the two and a projector that lets the model see much of the picture."""
    import torch
    from safetensors.torch import save_file

    from training.eyes import llava_merge

    torch.manual_seed(1)
    width = json.loads((model / "config.json").read_text())["hidden_size"]
    parts = folder.with_name(f"{folder.name}-parts")
    (parts / llava_merge.PROJECTOR).mkdir(parents=True)
    shapes = {"model.0": (width, SIZES["hidden_size"]), "model.2": (width, width)}
    weights = {f"{name}.weight": torch.randn(shape) * 0.5 for name, shape in shapes.items()}
    weights |= {f"{name}.bias": torch.zeros(width) for name in shapes}
    save_file(weights, parts / llava_merge.PROJECTOR / "model.safetensors")
    llava_merge.merge(model, encoder, parts, folder)
    return folder
