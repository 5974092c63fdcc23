"""An InternLM2 of random weights in a few megabytes, with a SentencePiece vocabulary that has InternLM2's quirks."""

from __future__ import annotations

import io
import json
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from safetensors.torch import save_file

from training.home import ROOT

HIDDEN, INNER, LAYERS, HEADS, KV_HEADS, CONTEXT = 64, 96, 2, 8, 4, 64
NAMES = ("<|plugin|>", "<|interpreter|>", "<|action_end|>", "<|action_start|>", "<|im_end|>", "<|im_start|>")
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


@cache
def vocabulary() -> bytes:
    """A tokenizer.model: BPE, bytes, no dummy prefix, a NUL piece, the last six pieces reserved."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentencepiece import sentencepiece_model_pb2 as wire
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "assets" / "seeds").glob("*.json"))]
    lines = [line for text in texts for line in text.splitlines()] + ["a  b   c\tdef f(x):", "The capital of France"]
    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_writer=made,
        model_type="bpe",
        vocab_size=2200,
        character_coverage=0.995,
        byte_fallback=True,
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        normalization_rule_name="identity",
        allow_whitespace_only_pieces=True,
        minloglevel=2,
    )
    model = wire.ModelProto.FromString(made.getvalue())
    last = min(piece.score for piece in model.pieces)
    names = ["\0", *(f"[UNUSED_TOKEN_{number}]" for number in range(141, 147))]
    for number, name in enumerate(names):
        model.pieces.add(piece=name, score=last - 1 - number, type=1)
    return bytes(model.SerializeToString())


def added_tokens(size: int) -> dict[str, Any]:
    """The names that only tokenizer_config.json knows."""
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    named = {0: "<unk>", 1: "<s>", 2: "</s>", **{size - 6 + number: name for number, name in enumerate(NAMES)}}
    return {str(number): {"content": name, **flags} for number, name in named.items()}


def weights(size: int, dtype: torch.dtype = torch.float32, hidden: int = HIDDEN) -> dict[str, torch.Tensor]:
    """Random weights by InternLM2's names; wqkv is [groups x (queries, key, value) x head, hidden]."""
    chance = torch.Generator().manual_seed(7)
    shapes = {
        "model.tok_embeddings": (size, hidden),
        "model.norm": (hidden,),
        "output": (size, hidden),
    }
    for layer in range(LAYERS):
        shapes |= {
            f"model.layers.{layer}.attention.wqkv": ((HEADS + 2 * KV_HEADS) * hidden // HEADS, hidden),
            f"model.layers.{layer}.attention.wo": (hidden, hidden),
            f"model.layers.{layer}.feed_forward.w1": (INNER, hidden),
            f"model.layers.{layer}.feed_forward.w3": (INNER, hidden),
            f"model.layers.{layer}.feed_forward.w2": (hidden, INNER),
            f"model.layers.{layer}.attention_norm": (hidden,),
            f"model.layers.{layer}.ffn_norm": (hidden,),
        }
    return {
        f"{name}.weight": (float("norm" in name) + 0.2 * torch.randn(*shape, generator=chance)).to(dtype)
        for name, shape in shapes.items()
    }


def write_internlm2(
    folder: Path, kind: str = "safetensors", shards: int = 1, dtype: torch.dtype = torch.float32, **config: object
) -> Path:
    """A folder as InternLM2's hub repositories have it, its own program files (which must never run) included."""
    folder.mkdir(parents=True)
    (folder / "tokenizer.model").write_bytes(vocabulary())
    size = sentencepiece.SentencePieceProcessor(model_proto=vocabulary()).vocab_size()
    said = {
        "architectures": ["InternLM2ForCausalLM"],
        "auto_map": {"AutoModelForCausalLM": "modeling_internlm2.InternLM2ForCausalLM"},
        "model_type": "internlm2",
        "attn_implementation": "eager",
        "bias": False,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "vocab_size": size,
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-5,
        "rope_theta": 1000000,
        "rope_scaling": {"type": "dynamic", "factor": 2.0},
        "torch_dtype": "bfloat16",
        **config,
    }
    tokenizer = {
        "auto_map": {"AutoTokenizer": ["tokenization_internlm2.InternLM2Tokenizer", None]},
        "added_tokens_decoder": added_tokens(size),
        "bos_token": "<s>",
        "chat_template": TEMPLATE,
        "eos_token": "</s>",
        "pad_token": "</s>",
        "unk_token": "<unk>",
        "tokenizer_class": "InternLM2Tokenizer",
    }
    (folder / "config.json").write_text(json.dumps(said))
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer))
    (folder / "generation_config.json").write_text(json.dumps({"bos_token_id": 1, "eos_token_id": 2}))
    for program in ("modeling_internlm2.py", "tokenization_internlm2.py", "configuration_internlm2.py"):
        (folder / program).write_text("raise SystemExit('a program of the model was run')")
    _write_shards(folder, weights(size, dtype), kind, shards)
    return folder


def _write_shards(folder: Path, table: dict[str, torch.Tensor], kind: str, shards: int) -> None:
    stem = "model" if kind == "safetensors" else "pytorch_model"
    save = save_file if kind == "safetensors" else torch.save
    if shards == 1:
        save(table, folder / f"{stem}.{kind}")
        return
    names, placed = list(table), {}
    for number in range(shards):
        file = f"{stem}-{number + 1:05d}-of-{shards:05d}.{kind}"
        part = names[number * len(names) // shards : (number + 1) * len(names) // shards]
        save({name: table[name] for name in part}, folder / file)
        placed |= dict.fromkeys(part, file)
    (folder / f"{stem}.{kind}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": placed}))
