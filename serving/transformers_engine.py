"""A model folder in Hugging Face layout, answered by transformers. Runs only inside the worker process.

The token loop is our own: it can be left between any two tokens, without a second thread.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serving.engine import Message, Sampling, clean, fit
from serving.pieces import Pieces
from training.errors import UserError
from training.models import chat_template

_PART = {"cpu": 64, "cuda": 512}
"""Tokens of the question read at once, so that it can be stopped in between (1.8B on 2 cores: some 2 seconds)."""
_BIG = 2_000_000_000
"""Bytes of weights, about one billion parameters in 16 bits."""


class TransformersEngine:
    """Loads the folder at once; raises UserError, or whatever the library raises for broken files."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoTokenizer

        self._name = folder.name
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        if not self._tokenizer.chat_template:
            raise UserError("model_without_chat_template", model=folder.name)
        self._load(folder)
        self._controls = self._control_tokens()

    def _load(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        self._choose_device(folder)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=getattr(torch, self.precision),
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
        self._model, report = loaded
        self._check_whole(folder, report)
        self._model.to(self.device).eval()
        self._ends = chat_template.ends(self._model.generation_config.eos_token_id, self._tokenizer)
        self._context = int(getattr(self._model.config, "max_position_embeddings", 2048))

    def _choose_device(self, folder: Path) -> None:
        import torch

        self._torch = torch
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        # Older GPUs than Ampere count as able to: they emulate it, slowly.
        bf16 = self.device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        self.precision = _precision(folder, bf16, self.device)

    def _check_whole(self, folder: Path, report: dict[str, Any]) -> None:
        if report["missing_keys"]:  # the library would fill them with random numbers and only warn
            raise UserError("model_incomplete", path=folder, missing=", ".join(sorted(report["missing_keys"])[:3]))

    def stream(self, messages: list[Message], sampling: Sampling) -> Iterator[str]:
        """The answer, piece by piece.

        Raises UserError (message_empty, message_too_long, role_unknown, model_without_eyes, picture_gone).
        """
        self._check(messages)
        reserved = min(sampling.max_tokens, self._context // 2)
        kept = fit(clean(messages, self._controls), self._encode, self._context - reserved)
        prompt = self._encode(kept)
        limit = min(sampling.max_tokens, self._context - len(prompt))
        pieces = Pieces(lambda ids: self._tokenizer.decode(ids, True, clean_up_tokenization_spaces=False))
        for token in self._tokens(prompt, kept, sampling, limit):
            yield "" if token is None else pieces.add(token)

    def close(self) -> None:
        """Drop the weights."""
        self._model = None

    def _check(self, messages: list[Message]) -> None:
        """Refuse a talk that this engine cannot take."""
        if any(message.get("images") for message in messages):
            raise UserError("model_without_eyes", model=self._name)

    def _encode(self, messages: list[Message]) -> list[int]:
        return self._tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)

    def _tokens(self, prompt: list[int], kept: list[Message], sampling: Sampling, limit: int) -> Iterator[int | None]:
        """The answer's tokens; None after each part of the question that was read. `prompt` is `kept` in tokens."""
        choose = self._chooser(sampling)
        cache = None
        part = _PART[self.device]
        whole = self._read(prompt, kept)
        for start in range(0, len(prompt), part):
            logits, cache = self._forward({kind: each[:, start : start + part] for kind, each in whole.items()}, cache)
            yield None
        written = list(prompt)
        for _ in range(limit):
            token = choose(written, logits)
            if token in self._ends:
                return
            yield token
            written.append(token)
            logits, cache = self._forward(self._ids([token]), cache)

    def _ids(self, tokens: list[int]) -> dict[str, Any]:
        return {"input_ids": self._torch.tensor([tokens], device=self.device)}

    def _read(self, prompt: list[int], _kept: list[Message]) -> dict[str, Any]:
        """What the model is given of the prompt, [1, tokens, ...]."""
        return self._ids(prompt)

    def _forward(self, given: dict[str, Any], cache: Any) -> tuple[Any, Any]:
        with self._torch.inference_mode():
            output = self._model(**given, past_key_values=cache, use_cache=True, logits_to_keep=1)
            return output.logits[:, -1].float(), output.past_key_values

    def _chooser(self, sampling: Sampling) -> Any:
        """A function from (tokens so far, logits) to the next token."""
        from transformers.generation import logits_process as rules

        torch = self._torch
        chain = rules.LogitsProcessorList()
        if sampling.repetition_penalty != 1.0:
            chain.append(rules.RepetitionPenaltyLogitsProcessor(sampling.repetition_penalty))
        greedy = sampling.temperature < 1e-4  # dividing by less than this overflows
        if not greedy:
            chain += [rules.TemperatureLogitsWarper(sampling.temperature), rules.TopPLogitsWarper(sampling.top_p)]
        dice = torch.Generator(self.device)
        dice.manual_seed(dice.seed() if sampling.seed is None else sampling.seed)

        def choose(written: list[int], logits: Any) -> int:
            scores = chain(torch.tensor([written], device=self.device), logits) if chain else logits
            if greedy:
                return int(scores.argmax())
            return int(torch.multinomial(scores.softmax(-1), 1, generator=dice))

        return choose

    def _control_tokens(self) -> list[str]:
        added = (str(token) for token in self._tokenizer.added_tokens_decoder.values() if token.special)
        return sorted({chat_template.BEGIN, chat_template.END, *self._tokenizer.all_special_tokens, *added})


def _precision(folder: Path, bf16_gpu: bool, device: str) -> str:
    """The name of the number type to load in.

    On a CPU fp32 is the fastest, but 1.8 billion parameters would take 7.2 GB of an 8 GB host: a big folder of
    16-bit weights becomes bf16, which loses nothing of bf16 and next to nothing of fp16 (slow on most CPUs).
    """
    if device == "cuda":
        return "bfloat16" if bf16_gpu else "float16"
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    stored = config.get("dtype") or config.get("torch_dtype")
    weights = sum(file.stat().st_size for kind in ("*.safetensors", "*.bin") for file in folder.glob(kind))
    return "bfloat16" if stored in ("bfloat16", "float16") and weights > _BIG else "float32"
