"""What a loaded model answers, many questions at once, and how far it is from answers given. Imports torch.

Greedy, with the tokenizer's own chat template and no system prompt: as in training, so that answers can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache

from training.models import chat_template

BATCH = 84
"""Questions at once: measured with the starter model on two cores."""


def load(folder: Path) -> tuple[Any, Any]:
    """The model in `folder`, ready to answer, and its tokenizer: bf16 on a GPU, fp32 on a CPU."""
    cuda = torch.cuda.is_available()
    dtype = torch.bfloat16 if cuda else torch.float32
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval().to("cuda" if cuda else "cpu")
    return model, AutoTokenizer.from_pretrained(folder)


@torch.inference_mode()
def answer(
    model: Any,
    tokenizer: Any,
    questions: Sequence[str],
    tokens: int,
    tick: Callable[[int], None] = lambda _: None,
    batch: int = BATCH,
) -> list[list[int]]:
    """Each question's answer as token ids, the end token included unless it is cut after `tokens` of them.

    `tick` hears after every token how many questions are answered, as far as that can be said.
    """
    prompts = [prompt(tokenizer, question) for question in questions]
    ending = ends(model, tokenizer)
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    answers: list[list[int]] = [[] for _ in prompts]
    for start in range(0, len(order), batch):
        places = order[start : start + batch]
        some = [prompts[place] for place in places]
        found = together(model, some, tokens, ending, partial(_after, tick, start))
        for place, each in zip(places, found):
            answers[place] = each
    return answers


def _after(tick: Callable[[int], None], before: int, done: int) -> None:
    tick(before + done)


def text(tokenizer: Any, answer: list[int]) -> str:
    """The answer in words."""
    return tokenizer.decode(answer, skip_special_tokens=True).strip()


def prompt(tokenizer: Any, question: str) -> list[int]:
    turn = [{"role": "user", "content": question}]
    return tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_dict=False)


@torch.inference_mode()
def together(
    model: Any,
    prompts: list[list[int]],
    tokens: int,
    ending: Sequence[int],
    tick: Callable[[int], None] = lambda _: None,
    **seen: Any,
) -> list[list[int]]:
    """The answers to prompts of token ids, all at once; one of `ending` ends an answer.

    `seen`: what a model with eyes is shown, in their order.
    """
    last = torch.tensor(ending, device=model.device)
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(each)) + each for each in prompts], device=model.device)
    mask = torch.tensor([[0] * (width - len(each)) + [1] * len(each) for each in prompts], device=model.device)
    places = (mask.cumsum(1) - 1).clamp(min=0)
    cache, rows = DynamicCache(), list(range(len(prompts)))
    answers: list[list[int]] = [[] for _ in prompts]
    for length in range(tokens):
        given = {"input_ids": ids, "attention_mask": mask, "position_ids": places, "past_key_values": cache, **seen}
        output, seen = model(**given, logits_to_keep=1), {}
        chosen = output.logits[:, -1].argmax(-1)
        for row, token in zip(rows, chosen.tolist()):
            answers[row].append(token)
        # All are answered at once, so the share of the way counts while none has come to its end.
        tick(max(len(prompts) - len(rows), len(prompts) * (length + 1) // tokens))
        going = (~torch.isin(chosen, last)).nonzero().flatten()
        if not len(going):
            break
        if len(going) < len(rows):  # an answer that has ended costs no more
            cache.batch_select_indices(going)
            rows = [rows[place] for place in going.tolist()]
            chosen, mask, places = chosen[going], mask[going], places[going]
        ids = chosen[:, None]
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], 1)
        places = places[:, -1:] + 1
    return answers


def ends(model: Any, tokenizer: Any) -> list[int]:
    """The tokens that end its answers, as in the chat."""
    return chat_template.ends(model.generation_config.eos_token_id, tokenizer)


@torch.inference_mode()
def losses(
    model: Any, tokenizer: Any, questions: Sequence[str], answers: Sequence[list[int]], batch: int = 16
) -> list[float]:
    """For each question the sum over the given answer's tokens of -log(probability), in nats."""
    pairs = [(prompt(tokenizer, question), given) for question, given in zip(questions, answers)]
    order = sorted(range(len(pairs)), key=lambda place: sum(map(len, pairs[place])))
    found = [0.0] * len(pairs)
    for start in range(0, len(order), batch):
        places = order[start : start + batch]
        width = max(sum(map(len, pairs[place])) for place in places)
        filled = [(pairs[place][0] + pairs[place][1] + [0] * width)[:width] for place in places]
        # Padding stands to the right, and causal attention never looks there: no mask is needed.
        hidden = model.model(input_ids=torch.tensor(filled, device=model.device), use_cache=False).last_hidden_state
        for row, place in enumerate(places):
            asked, given = pairs[place]
            logits = model.lm_head(hidden[row, len(asked) - 1 : len(asked) + len(given) - 1]).float()
            target = torch.tensor(given, device=model.device)
            found[place] = torch.nn.functional.cross_entropy(logits, target, reduction="sum").item()
    return found
