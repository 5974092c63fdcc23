"""What makes XTuner 0.2.0 train a small model sooner on a CPU, with the same loss; xtuner_repairs.py applies it.

Covered: products in bf16, only what is learned is scored, LoRA added in place, frozen weights in bf16.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

import torch

from training.machine import amx


def apply() -> None:
    """Make all of it so. Harmless when made twice."""
    _multiply_in_bf16()
    _score_only_what_is_learned()
    _add_lora_in_place()
    _halve_what_is_frozen()


def _multiply_in_bf16() -> None:
    # Weights, sums and the optimizer stay in fp32. A CPU with bf16 instructions takes less time; others ignore it.
    torch.set_float32_matmul_precision("medium")


def _score_only_what_is_learned() -> None:
    # Half of a row is questions, which the loss leaves out; scoring them too, against the whole vocabulary,
    # takes an eighth of a small model's step on a CPU, more where places hold a picture. The loss is the same number.
    from xtuner.model import LLaVAModel, SupervisedFinetune
    from xtuner.parallel.sequence import get_sequence_parallel_world_size
    from xtuner.utils import IGNORE_INDEX

    whole = SupervisedFinetune.compute_loss

    def learned(model: Any, data: dict[str, Any]) -> dict[str, torch.Tensor]:
        asked = {key: value for key, value in data.items() if key != "labels"}
        states = model.get_decoder()(**asked, use_cache=False).last_hidden_state[:, :-1]
        labels = data["labels"][:, 1:]
        scored = labels != IGNORE_INDEX
        scores = model.get_output_embeddings()(states[scored]).float()
        return {"loss": torch.nn.functional.cross_entropy(scores, labels[scored])}

    def compute_loss(self: Any, data: dict[str, Any], data_samples: Any = None) -> dict[str, torch.Tensor]:
        if get_sequence_parallel_world_size() > 1 or not self.training:
            return whole(self, data, data_samples)
        return learned(self.llm.get_base_model() if self.use_lora else self.llm, data)

    def compute_loss_with_pictures(self: Any, data: dict[str, Any], _: Any = None) -> dict[str, torch.Tensor]:
        return learned(self.llm.get_base_model() if self.use_llm_lora else self.llm, data)

    SupervisedFinetune.compute_loss = compute_loss
    LLaVAModel.compute_loss = compute_loss_with_pictures


def _add_lora_in_place() -> None:
    # peft writes LoRA's part down, scales it into another copy and adds it into a third, each as large as what the
    # layer gives. Added where that stands, a small model's step takes about a tenth less (tests/bench/lora_step.py).
    from peft.tuners.lora import layer as layers

    linear: Any = layers.Linear
    copying = linear.forward

    def plain(layer: Any, name: str, x: torch.Tensor) -> bool:
        kept = isinstance(layer.lora_dropout[name], torch.nn.Identity)
        same = layer.base_layer.weight.dtype == x.dtype
        return kept and same and type(layer.base_layer) is torch.nn.Linear and not layer.lora_bias[name]

    def forward(self: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        names = [name for name in self.active_adapters if name in self.lora_A]
        off = self.disable_adapters or self.merged or self.lora_variant or args or kwargs
        learning = self.training and len(names) == 1 and not torch.is_autocast_enabled("cpu")
        if off or not learning or not plain(self, names[0], x):
            return copying(self, x, *args, **kwargs)
        inner, outer = (part[names[0]].weight.to(x.dtype) for part in (self.lora_A, self.lora_B))
        flat = x.reshape(-1, x.shape[-1])
        thin = torch.nn.functional.linear(flat, inner)
        sums = self.base_layer(flat).addmm_(thin, outer.t(), alpha=self.scaling[names[0]])
        return sums.view(*x.shape[:-1], -1)

    linear.forward = forward


def _halve_what_is_frozen() -> None:
    from xtuner.model import LLaVAModel, SupervisedFinetune

    def halving(build: Any) -> Any:
        @functools.wraps(build)
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            build(self, *args, **kwargs)
            if amx() and "--deepspeed" not in sys.argv:  # DeepSpeed wants one kind of weights
                halve(self.llm)

        return init

    for kind in (SupervisedFinetune, LLaVAModel):
        kind.__init__ = halving(kind.__init__)


def halve(llm: Any) -> None:
    """Hold in bf16 what of a language model learns nothing, and what passes between its layers, as is usual on GPUs.

    LoRA, projector, loss and optimizer stay in fp32. Where a CPU multiplies bf16 in hardware, a small model's step
    takes 6 to 19 % less (tests/bench/lora_step.py). A model that learns as a whole, or is in 4 bits, stays as it is.
    """
    others = [name for name, weight in llm.named_parameters() if weight.requires_grad and ".lora_" not in name]
    if others or getattr(llm, "is_quantized", False):
        return
    for weight in llm.parameters():
        if not weight.requires_grad:
            weight.data = weight.data.to(torch.bfloat16)
    whole = llm.get_base_model() if hasattr(llm, "peft_config") else llm
    whole.get_decoder().register_forward_pre_hook(_cast_what_is_embedded, with_kwargs=True)


def _cast_what_is_embedded(decoder: Any, args: tuple[Any, ...], given: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    embedded = given.get("inputs_embeds")  # with pictures among them: in fp32, as the projector is
    kind = decoder.get_input_embeddings().weight.dtype
    return args, given if embedded is None else {**given, "inputs_embeds": embedded.to(kind)}
