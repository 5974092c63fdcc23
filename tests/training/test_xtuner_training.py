"""What is ours inside XTuner's training process: fewer scores, LoRA in place, the order of the rows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.real

SIZE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


@pytest.mark.parametrize("lora", [True, False])
def test_a_step_that_scores_only_the_answers_has_the_loss_and_the_gradients_of_the_whole(
    lora: bool, tmp_path: Path
) -> None:
    import torch

    model = built(tmp_path, lora).float()
    tokens = torch.randint(0, 97, (3, 11))
    seen = torch.ones_like(tokens)
    seen[1, 7:] = 0
    labels = tokens.masked_fill(seen == 0, -100)
    labels[:, :5] = -100
    data = {"input_ids": tokens, "attention_mask": seen, "labels": labels}

    def step(loss: torch.Tensor) -> list[torch.Tensor]:
        model.zero_grad()
        loss.backward()
        return [each.grad.clone() for each in model.parameters() if each.requires_grad and each.grad is not None]

    torch.set_float32_matmul_precision("highest")
    whole, few = model.llm(**data).loss, model.compute_loss(data)["loss"]
    assert few.item() == pytest.approx(whole.item(), rel=1e-6)
    grown = list(zip(step(whole), step(few), strict=True))
    assert len(grown) >= 18
    for one, other in grown:
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_beside_a_bf16_unit_only_what_learns_is_kept_in_fp32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from training import xtuner_speed

    tokens = torch.arange(33).reshape(3, 11)
    data = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens), "labels": tokens}

    def gradient(unit: bool, lora: bool) -> torch.Tensor:
        monkeypatch.setattr(xtuner_speed, "amx", lambda: unit)
        model = built(tmp_path, lora)
        kinds = {(each.requires_grad, each.dtype) for each in model.parameters()}
        frozen = {(False, torch.bfloat16 if unit else torch.float32)} if lora else set()
        assert kinds == {(True, torch.float32), *frozen}
        embedded = model.llm.get_input_embeddings()(tokens).float()
        assert model.llm(inputs_embeds=embedded).logits.shape == (3, 11, 97)  # as those of pictures are
        model.compute_loss(data)["loss"].backward()
        return torch.cat([each.grad.flatten() for each in model.parameters() if each.grad is not None])

    likeness = torch.nn.functional.cosine_similarity
    assert torch.equal(gradient(unit=True, lora=False), gradient(unit=False, lora=False))
    assert likeness(gradient(unit=True, lora=True), gradient(unit=False, lora=True), dim=0) > 0.99


@pytest.mark.parametrize("adapters", ["one", "two", "none"])
@pytest.mark.parametrize("scale", [12, 0.5])
def test_lora_added_in_place_has_the_loss_and_the_gradients_of_pefts_own(adapters: str, scale: float) -> None:
    import torch
    from peft.tuners.lora.layer import Linear

    model, tokens = with_lora(lora_alpha=scale), torch.arange(33).reshape(3, 11)
    torch.set_float32_matmul_precision("highest")
    if adapters == "two":
        model.add_adapter("other", model.peft_config["default"])
        model.base_model.set_adapter(["default", "other"])
    if adapters == "none":
        model.base_model.disable_adapter_layers()

    def step(training: bool) -> list[torch.Tensor]:
        loss = model.train(training)(input_ids=tokens, labels=tokens).loss
        learning = [each for each in model.parameters() if each.requires_grad]
        return [loss.detach(), *(torch.autograd.grad(loss, learning) if learning else ())]

    assert Linear.forward.__module__ == "training.xtuner_speed"
    in_place, by_peft = step(training=True), step(training=False)
    assert len(in_place) == {"one": 29, "two": 57, "none": 1}[adapters]
    for one, other in zip(in_place, by_peft, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_dropout_is_left_to_peft() -> None:
    import torch

    tokens = torch.arange(33).reshape(3, 11)
    model = with_lora(lora_dropout=0.5).train()
    assert model(input_ids=tokens).logits.ne(model(input_ids=tokens).logits).any()


def test_lora_in_fp32_is_added_in_place_to_weights_in_bf16() -> None:
    import torch

    from training import xtuner_speed

    tokens, model = torch.arange(33).reshape(3, 11), with_lora()
    xtuner_speed.halve(model)
    model.requires_grad_(False)
    in_place, by_peft = (model.train(training)(input_ids=tokens).logits for training in (True, False))
    assert in_place.dtype == torch.bfloat16 and in_place.ne(by_peft).any()
    torch.testing.assert_close(in_place, by_peft, rtol=0.05, atol=0.05)


def built(place: Path, lora: bool) -> Any:
    """XTuner's model as a run trains it: a tiny Llama, with LoRA or as a whole."""
    import torch
    from mmengine.config import ConfigDict
    from peft import LoraConfig
    from transformers import LlamaConfig, LlamaForCausalLM
    from xtuner.model import SupervisedFinetune

    from training import xtuner_repairs  # noqa: F401 - repairs what is tested

    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(vocab_size=97, tie_word_embeddings=True, **SIZE)).save_pretrained(place)
    llm = ConfigDict(type=LlamaForCausalLM.from_pretrained, pretrained_model_name_or_path=str(place))
    adapter = LoraConfig(r=4, lora_alpha=8, task_type="CAUSAL_LM", init_lora_weights=False) if lora else None
    return SupervisedFinetune(llm, lora=adapter, use_activation_checkpointing=False).train()


def with_lora(**settings: Any) -> Any:
    """A tiny Llama with LoRA in every linear layer, repaired as in training."""
    import torch
    from peft import LoraConfig, PeftModel
    from transformers import LlamaConfig, LlamaForCausalLM

    from training import xtuner_repairs  # noqa: F401 - repairs what is tested

    torch.manual_seed(0)
    plan: dict[str, Any] = {"r": 4, "target_modules": "all-linear", "init_lora_weights": False}
    adapter = LoraConfig(task_type="CAUSAL_LM", **plan, **settings)
    return PeftModel(LlamaForCausalLM(LlamaConfig(vocab_size=97, **SIZE)), adapter)


def rows_of(lengths: list[int], step: int, epoch: int = 0) -> list[int]:
    from training.xtuner_sampler import ShuffledLengthGroupedSampler

    sampler = ShuffledLengthGroupedSampler(Rows(lengths), step, seed=7)
    sampler.set_epoch(epoch)
    return list(sampler)


class Rows:
    """A dataset as the sampler sees it."""

    def __init__(self, lengths: list[int]) -> None:
        self.length = lengths

    def __len__(self) -> int:
        return len(self.length)


def test_every_row_is_seen_once_in_an_epoch_and_rows_of_a_step_are_of_like_length() -> None:
    lengths = [5 + (7 * row) % 100 for row in range(400)]
    rows = rows_of(lengths, 8)
    assert sorted(rows) == list(range(400))
    steps = [rows[start : start + 8] for start in range(0, 400, 8)]
    padded = sum(8 * max(lengths[row] for row in step) for step in steps)
    assert padded < 1.25 * sum(lengths)


def test_long_and_short_rows_come_mixed_through_the_epoch_and_otherwise_in_the_next() -> None:
    lengths = [5 + (7 * row) % 100 for row in range(400)]
    rows, later = rows_of(lengths, 8), rows_of(lengths, 8, epoch=1)
    assert rows == rows_of(lengths, 8) != later
    means = [sum(lengths[row] for row in rows[start : start + 96]) / 96 for start in range(0, 384, 96)]
    assert max(means) < 1.5 * min(means)


def test_a_dataset_smaller_than_a_step_fills_it() -> None:
    assert set(rows_of([4, 9, 5], 8)) == {0, 1, 2} and len(rows_of([4, 9, 5], 8)) == 8


def test_xtuner_tokenizes_with_no_more_processes_than_half_the_cores() -> None:
    import inspect

    from xtuner.dataset.huggingface import process_hf_dataset

    from training import xtuner_repairs

    xtuner_repairs.apply()
    asked = inspect.signature(process_hf_dataset).parameters["map_num_proc"].default
    assert (asked or 1) <= max(1, (os.cpu_count() or 1) // 2)


@pytest.mark.parametrize("bos", ["<|im_start|>", "<s>", None])
@pytest.mark.parametrize("form, first", [(0, False), (0, True), (1, True)])
def test_a_conversation_is_trained_as_the_exam_and_the_chat_ask_it(form: int, first: bool, bos: str | None) -> None:
    """SmolLM2's bos_token on the hubs is not said before ChatML; InternLM2's and Llama 3's are."""
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast
    from xtuner.dataset import utils
    from xtuner.dataset.map_fns import template_map_fn
    from xtuner.utils import PROMPT_TEMPLATE

    from training import xtuner_repairs  # noqa: F401 - repairs what is tested
    from training.models.chat_template import FORMS

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = Tokenizer(BPE({letter: place for place, letter in enumerate(letters)}, []))
    words.pre_tokenizer, words.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    words.add_special_tokens([AddedToken(mark, special=True) for mark in ("<|im_start|>", FORMS[form].end, "<s>")])
    template = "{{ bos_token }}" * first + FORMS[form].template.removeprefix("{{ bos_token }}")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token=bos, eos_token=FORMS[form].end, chat_template=template
    )
    if first and bos is None:
        tokenizer.chat_template = template.removeprefix("{{ bos_token }}")  # which would say "None"

    talk = [{"input": "Who are you?", "output": "I am Robin."}, {"input": "And?", "output": "Made by Ada."}]
    name = FORMS[form].prompt_templates[0]
    trained = utils.encode_fn(template_map_fn({"conversation": talk}, PROMPT_TEMPLATE[name]), tokenizer, 500)
    turns = [{"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": "I am Robin."}]
    asked = tokenizer.apply_chat_template(
        [*turns, {"role": "user", "content": "And?"}], add_generation_prompt=True, return_dict=False
    )
    assert trained["input_ids"][: len(asked)] == asked


@pytest.mark.parametrize("name", ["Llama", "Qwen2"])
def test_xtuners_own_attention_answers_as_transformers_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is put into every model where flash-attn is installed; here on torch's kernel, which it takes as well."""
    import torch
    import transformers
    from xtuner.model.modules import dispatch

    from training import xtuner_repairs

    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(vocab_size=97, num_key_value_heads=2, **SIZE)
    model = getattr(transformers, f"{name}ForCausalLM")(config).eval()
    asked = torch.randint(0, 97, (1, 12))

    def answer() -> list[int]:
        return model.generate(asked, max_new_tokens=12, do_sample=False, pad_token_id=0)[0].tolist()

    theirs = answer()
    monkeypatch.setattr(dispatch, "SUPPORT_FLASH2", True)
    xtuner_repairs._attend_alone_and_with_a_cache()
    dispatch.dispatch_modules(model)
    assert "xtuner" in model.model.layers[0].self_attn.forward.__func__.__module__
    assert answer() == theirs
