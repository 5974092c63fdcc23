"""InternLM2's layout in Llama's words: names, shapes, wqkv taken apart and put together again, and the config.

InternLM2 keeps the query, key and value rows of each group of heads together (wqkv); Llama keeps them apart. So it
is an exact renaming: nothing is computed. Not covered: biases (no published InternLM2 has them). Imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from training.errors import UserError

Shape = tuple[int, ...]

_LAYER = {
    "attention.wo": "self_attn.o_proj",
    "feed_forward.w1": "mlp.gate_proj",
    "feed_forward.w3": "mlp.up_proj",
    "feed_forward.w2": "mlp.down_proj",
    "attention_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
_OUTSIDE = {"model.tok_embeddings": "model.embed_tokens", "model.norm": "model.norm", "output": "lm_head"}


@dataclass(frozen=True)
class Geometry:
    """The sizes that the weights have to have."""

    hidden: int
    inner: int
    layers: int
    heads: int
    kv_heads: int
    vocabulary: int

    @property
    def head(self) -> int:
        return self.hidden // self.heads

    @property
    def queries(self) -> int:
        """Query heads that share one key and value head."""
        return self.heads // self.kv_heads

    def expected(self) -> dict[str, Shape]:
        """Every weight of an InternLM2 of this size, by its own name."""
        hidden, inner = self.hidden, self.inner
        shapes: dict[str, Shape] = {
            "model.tok_embeddings.weight": (self.vocabulary, hidden),
            "model.norm.weight": (hidden,),
            "output.weight": (self.vocabulary, hidden),
        }
        for layer in range(self.layers):
            shapes |= {
                f"model.layers.{layer}.{part}.weight": shape
                for part, shape in {
                    "attention.wqkv": ((self.heads + 2 * self.kv_heads) * self.head, hidden),
                    "attention.wo": (hidden, hidden),
                    "feed_forward.w1": (inner, hidden),
                    "feed_forward.w3": (inner, hidden),
                    "feed_forward.w2": (hidden, inner),
                    "attention_norm": (hidden,),
                    "ffn_norm": (hidden,),
                }.items()
            }
        return shapes

    def names(self, name: str) -> list[str]:
        """What an InternLM2 weight is called in Llama's layout: one name, or three."""
        stem = name.removesuffix(".weight")
        if stem in _OUTSIDE:
            return [f"{_OUTSIDE[stem]}.weight"]
        model, layers, number, part = stem.split(".", 3)
        parts = [f"self_attn.{one}_proj" for one in "qkv"] if part == "attention.wqkv" else [_LAYER[part]]
        return [f"{model}.{layers}.{number}.{each}.weight" for each in parts]

    def split(self, wqkv: torch.Tensor) -> list[torch.Tensor]:
        """Queries, keys and values out of wqkv, whose rows are a group's queries, its key, its value, and so on."""
        groups = wqkv.view(self.kv_heads, self.queries + 2, self.head, self.hidden)
        parts = groups[:, : self.queries], groups[:, self.queries], groups[:, self.queries + 1]
        return [part.reshape(-1, self.hidden) for part in parts]

    def join(self, queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """The inverse of split()."""
        shape = (self.kv_heads, -1, self.head, self.hidden)
        return torch.cat([each.view(shape) for each in (queries, keys, values)], dim=1).reshape(-1, self.hidden)


def geometry(folder: Path, config: dict[str, Any]) -> Geometry:
    """The sizes that config.json promises. Raises UserError(internlm2_layout)."""
    try:
        heads = int(config["num_attention_heads"])
        made = Geometry(
            hidden=int(config["hidden_size"]),
            inner=int(config["intermediate_size"]),
            layers=int(config["num_hidden_layers"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            vocabulary=int(config["vocab_size"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UserError("internlm2_layout", path=folder, what=f"config.json: {error}") from error
    if min(vars(made).values()) < 1 or made.hidden % made.heads or made.heads % made.kv_heads:
        raise UserError("internlm2_layout", path=folder, what="config.json: hidden_size, num_attention_heads")
    if config.get("bias"):
        raise UserError("internlm2_layout", path=folder, what="config.json: bias = true")
    return made


def config_for_llama(config: dict[str, Any]) -> dict[str, Any]:
    """config.json in Llama's words. What needs InternLM2's own program (auto_map) is left out."""
    kept = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
    also = {"max_position_embeddings": 2048, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "rope_scaling": None}
    marks = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}  # InternLM2's own defaults
    rope = config.get("rope_scaling")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        **{key: config[key] for key in kept},
        "num_key_value_heads": config.get("num_key_value_heads") or config["num_attention_heads"],
        **{key: config.get(key, default) for key, default in (also | marks).items()},
        "rope_scaling": {**rope, "rope_type": rope.get("rope_type") or rope.get("type")} if rope else None,
        "hidden_act": config.get("hidden_act", "silu"),
        "initializer_range": config.get("initializer_range", 0.02),
        "attention_bias": False,
        "mlp_bias": False,
        "pretraining_tp": 1,
        "tie_word_embeddings": False,
        "use_cache": True,
    }
