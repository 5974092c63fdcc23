"""InternLM2 in Llama's layout, against its attention written out here; its tokenizer, against SentencePiece."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import sentencepiece
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from tests.training.models import tiny_internlm2 as tiny
from tests.training.models.tiny_internlm2 import CONTEXT, HEADS, HIDDEN, KV_HEADS, LAYERS, write_internlm2
from training.home import ROOT
from training.models import arrival, convert, layout

TEXTS = [
    "Hello, how are you?",
    "你好，世界！请介绍一下你自己。",
    "你是谁？Who are you? 我是小明的助手😀",
    "  leading  and\tinternal\n\n  whitespace   ",
    "",
    " ",
    "\n",
    "café naïve — 🚀👩‍👩‍👧 𠮷野家 ñ́",
    "def f(x):\n    return {'a': [x ** 2]}\r\n",
    "aaaaaaaaaaa thethethe 的的的的的",
    "\u2581already\u2581there",
    "[UNUSED_TOKEN_140] <|nobody|> <0x41> </ s>",
]


def internlm2_logits(folder: Path, ids: torch.Tensor) -> torch.Tensor:
    """A straight InternLM2 in fp32: fused wqkv, groups of queries that share a key, dynamic NTK, RMSNorm, SwiGLU."""
    config = json.loads((folder / "config.json").read_text())
    table = {name: tensor.float() for name, tensor in tiny.weights(config["vocab_size"]).items()}
    length, head, group = ids.shape[1], HIDDEN // HEADS, HEADS // KV_HEADS
    theta = float(config["rope_theta"])
    if length > CONTEXT and config["rope_scaling"]:
        factor = config["rope_scaling"]["factor"]
        theta *= ((factor * length / CONTEXT) - (factor - 1)) ** (head / (head - 2))
    turns = torch.arange(length)[:, None] / theta ** (torch.arange(0, head, 2) / head)
    cos, sin = (torch.cat([part, part], -1) for part in (turns.cos(), turns.sin()))

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + config["rms_norm_eps"]) * table[f"{name}.weight"]

    def turned(x: torch.Tensor) -> torch.Tensor:
        one, two = x.chunk(2, -1)
        return x * cos + torch.cat([-two, one], -1) * sin

    x = table["model.tok_embeddings.weight"][ids]
    for layer in range(LAYERS):
        name = f"model.layers.{layer}"
        fused = norm(x, f"{name}.attention_norm") @ table[f"{name}.attention.wqkv.weight"].T
        fused = fused.view(*ids.shape, KV_HEADS, group + 2, head)
        q = turned(fused[..., :group, :].reshape(*ids.shape, HEADS, head).transpose(1, 2))
        k = turned(fused[..., -2, :].transpose(1, 2)).repeat_interleave(group, 1)
        v = fused[..., -1, :].transpose(1, 2).repeat_interleave(group, 1)
        scores = q @ k.transpose(2, 3) / head**0.5 + torch.full((length, length), -torch.inf).triu(1)
        seen = (scores.softmax(-1) @ v).transpose(1, 2).reshape(*ids.shape, HIDDEN)
        x = x + seen @ table[f"{name}.attention.wo.weight"].T
        inner = norm(x, f"{name}.ffn_norm")
        gate = F.silu(inner @ table[f"{name}.feed_forward.w1.weight"].T)
        x = x + (gate * (inner @ table[f"{name}.feed_forward.w3.weight"].T)) @ table[f"{name}.feed_forward.w2.weight"].T
    return norm(x, "model.norm") @ table["output.weight"].T


def converted(source: Path, target: Path) -> Path:
    target.mkdir()
    shares = list(convert.convert(source, target))
    assert shares == sorted(shares) and shares[-1] == 1.0
    return target


@pytest.mark.parametrize("length", [12, CONTEXT, CONTEXT + 40])
def test_the_logits_are_internlm2s_below_and_beyond_the_context(tmp_path: Path, length: int) -> None:
    from transformers import AutoModelForCausalLM

    source = write_internlm2(tmp_path / "source")
    folder = converted(source, tmp_path / "llama")
    model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=False, dtype=torch.float32)
    assert type(model).__name__ == "LlamaForCausalLM"
    ids = torch.randint(3, model.config.vocab_size, (2, length), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        found, wanted = model(input_ids=ids).logits, internlm2_logits(source, ids)
    assert wanted.std() > 0.5
    assert (found - wanted).abs().max() < 2e-5 * wanted.abs().max()


@pytest.mark.parametrize(("kind", "shards"), [("safetensors", 1), ("safetensors", 3), ("bin", 1), ("bin", 2)])
def test_every_way_of_keeping_weights_gives_the_same_model_bit_by_bit(tmp_path: Path, kind: str, shards: int) -> None:
    source = write_internlm2(tmp_path / "source", kind, shards, torch.bfloat16)
    folder = converted(source, tmp_path / "llama")
    files = sorted(folder.glob("*.safetensors"))
    assert len(files) == shards
    found = {name: tensor for file in files for name, tensor in load_file(file).items()}
    size = json.loads((source / "config.json").read_text())["vocab_size"]
    table = tiny.weights(size, torch.bfloat16)
    assert len(found) == len(table) + 2 * LAYERS
    head = HIDDEN // HEADS
    for layer in range(LAYERS):  # row by row, by hand: a group is its queries, its key, its value
        wqkv = table[f"model.layers.{layer}.attention.wqkv.weight"]
        q, k, v = (found[f"model.layers.{layer}.self_attn.{part}_proj.weight"] for part in "qkv")
        rows = []
        for group in range(KV_HEADS):
            rows += [q[2 * group * head : 2 * (group + 1) * head], k[group * head : (group + 1) * head]]
            rows += [v[group * head : (group + 1) * head]]
        assert torch.equal(torch.cat(rows), wqkv)
        assert torch.equal(
            found[f"model.layers.{layer}.mlp.up_proj.weight"], table[f"model.layers.{layer}.feed_forward.w3.weight"]
        )
    assert torch.equal(found["lm_head.weight"], table["output.weight"])
    info = layout.describe(folder)
    assert (info.dtype, info.architecture) == ("bfloat16", "LlamaForCausalLM")


def test_what_is_written_beside_the_weights_stops_at_a_turn_and_holds_no_program(tmp_path: Path) -> None:
    source = write_internlm2(tmp_path / "source", torch_dtype="float16")
    folder = converted(source, tmp_path / "llama")
    config, ends = (json.loads((folder / f"{name}.json").read_text()) for name in ("config", "generation_config"))
    assert config["rope_scaling"] == {"type": "dynamic", "rope_type": "dynamic", "factor": 2.0}
    assert config["torch_dtype"] == "float32" and "auto_map" not in config and "bias" not in config
    assert ends["eos_token_id"] == [2, config["vocab_size"] - 2]
    assert (
        not list(folder.glob("*.py")) and not list(folder.glob("*.bin")) and not (folder / "tokenizer.model").exists()
    )
    assert "auto_map" not in (folder / "tokenizer_config.json").read_text()


def test_the_tokenizer_splits_as_sentencepiece_does_id_by_id(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    source = write_internlm2(tmp_path / "source")
    folder = converted(source, tmp_path / "llama")
    mine = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    judge = sentencepiece.SentencePieceProcessor(model_proto=tiny.vocabulary())
    for text in TEXTS:
        ids = judge.encode(text)
        assert mine(text, add_special_tokens=False).input_ids == ids, text
        assert mine(text).input_ids == [1, *ids], text
        assert mine.decode(ids) == text.replace("\u2581", " "), text
    assert sum(len(judge.encode(text)) for text in TEXTS) < 0.9 * sum(len(text.encode()) for text in TEXTS)
    assert set(mine("Hi")) == {"input_ids", "attention_mask"}


def test_the_reserved_pieces_go_by_their_chat_names(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    folder = converted(write_internlm2(tmp_path / "source"), tmp_path / "llama")
    mine = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    judge = sentencepiece.SentencePieceProcessor(model_proto=tiny.vocabulary())
    size = judge.vocab_size()
    start, end = size - 1, size - 2
    assert judge.id_to_piece(end) == "[UNUSED_TOKEN_145]" and mine.convert_ids_to_tokens(end) == "<|im_end|>"
    turns = [{"role": "user", "content": "你好 there"}, {"role": "assistant", "content": " Hi!"}]
    wanted = [1, start, *judge.encode("user\n你好 there"), end, *judge.encode("\n")]
    wanted += [start, *judge.encode("assistant\n Hi!"), end, *judge.encode("\n"), start, *judge.encode("assistant\n")]
    assert mine.apply_chat_template(turns, add_generation_prompt=True) == wanted
    assert max(mine.get_vocab().values()) == size - 1 and (mine.bos_token_id, mine.eos_token_id) == (1, 2)


def test_a_conversion_takes_no_more_memory_than_about_one_shard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny, "INNER", 120_000)
    source = write_internlm2(tmp_path / "source", shards=4, intermediate_size=tiny.INNER)
    shard = max(file.stat().st_size for file in source.glob("*.safetensors")) >> 20
    code = (
        "import resource, sys; from pathlib import Path; from training.models import convert, converting\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "before = peak()\n"
        "assert converting.tell(convert.convert, *map(Path, sys.argv[1:])) == 0\n"
        "print('took', peak() - before)"
    )
    command = [sys.executable, "-c", code, str(source), str(tmp_path / "llama")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    took = int(done.stdout.split()[-1])
    assert shard > 55 and took < 2 * shard, (took, shard)  # tokenizer and libraries take their part, too


def test_a_folder_is_converted_in_a_child_process_and_becomes_a_base_model(tmp_path: Path, own_home: Path) -> None:
    from training import models

    told: list[tuple[str, float]] = []
    path = arrival.add(write_internlm2(tmp_path / "internlm2"), "小书生", lambda *stage: told.append(stage))
    assert path == own_home / "models" / "小书生" and models.names() == ["starter", "小书生"]
    assert told[0] == ("wait", 0.0) and told[-1] == ("convert", 1.0)
    assert {each.name for each in (own_home / "models").iterdir()} == {"小书生", ".adding.lock"}
