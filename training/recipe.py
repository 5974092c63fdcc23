"""How to train: one recipe, every value an XTuner setting. Suggests one that suits the machine, the model and the data.

The suggested numbers come from measurements with the starter model (CPU) and from XTuner's own
internlm2_1_8b_qlora_alpaca_e3 (GPU), as the README says.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from training.errors import UserError
from training.machine import Machine
from training.tokens import Measured

METHODS = ("lora", "qlora", "full")
PRECISIONS = ("fp32", "bf16", "fp16")
LAST_PORT = 65535
DEEPSPEEDS = ("none", "zero1", "zero2", "zero2_offload", "zero3", "zero3_offload")
"""How DeepSpeed shares a training's memory out: the configs that XTuner brings."""
ATTENTION, FEED_FORWARD = ("q_proj", "k_proj", "v_proj", "o_proj"), ("gate_proj", "up_proj", "down_proj")
LORA_LAYERS = {"all": (*ATTENTION, *FEED_FORWARD), "attention": ATTENTION, "feed_forward": FEED_FORWARD}
"""The linear layers that LoRA is put beside, as every kind of model that we train calls them (peft: target_modules)."""
MOST_ON_CPU = 320
"""No more steps than these on a CPU: about five minutes on two quiet cores, loading and sample answers included."""


@dataclass(frozen=True)
class Recipe:
    """The settings of a run. One "step" is one update of the weights."""

    method: str = "lora"
    """lora, qlora (base weights in 4 bits, NF4) or full (every weight)."""
    precision: str = "fp32"
    """fp32 (CPU), bf16, or fp16 (with dynamic loss scale)."""
    prompt_template: str = "qwen_chat"
    """XTuner's name of the chat template; qwen_chat and internlm2_chat are both ChatML."""
    system: str = ""
    """System prompt of the sample questions; the data brings its own."""
    learning_rate: float = 2e-3
    lora_layers: str = "all"
    """One of LORA_LAYERS: all, attention, or feed_forward."""
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_plus_ratio: float = 1.0
    """How many times LoRA's B learns as fast as its A, which has `learning_rate` (LoRA+, arXiv:2402.12354)."""
    lora_dropout: float = 0.0
    batch_size: int = 8
    """Sequences a device takes at once."""
    accumulation: int = 1
    """Batches that are added up to one step."""
    max_length: int = 128
    """Tokens of a sequence; longer conversations are cut."""
    pack: bool = False
    """Fill every sequence to max_length with several conversations; without, rows of like length go together."""
    varlen_attention: bool = False
    """Packed conversations do not see each other (XTuner's use_varlen_attn); needs flash-attention."""
    steps: int = 160
    warmup_ratio: float = 0.05
    """Share of the steps in which the learning rate rises."""
    weight_decay: float = 0.0
    max_norm: float = 1.0
    """Gradients are clipped to this norm."""
    activation_checkpointing: bool = False
    """Less memory, about a third more time."""
    save_every: int = 40
    """Steps between two checkpoints; the sample questions are asked at the same time."""
    keep_checkpoints: int = -1
    """Newest checkpoints to keep; -1 keeps all, so that the best can be chosen afterwards."""
    evaluation_inputs: tuple[str, ...] = ("你是谁", "Who are you?")
    """Questions the model answers before, during and after training."""
    evaluation_tokens: int = 32
    """Longest sample answer, in tokens."""
    deepspeed: str = "none"
    """One of DEEPSPEEDS; from zero1 to zero3 the processes share more and wait more for each other."""
    processes: int = 1
    """Training processes on each machine, one for each GPU."""
    gpus: tuple[int, ...] = ()
    """The GPUs to use, by the driver's numbers; none: the first ones."""
    nodes: int = 1
    """Machines that train together, on one shared folder; this one is the first."""
    address: str = "127.0.0.1"
    """Where the other machines reach this one."""
    port: int = 0
    """Through which the processes meet; 0: one that is free, or 29500 for several machines."""
    sequence_parallel: int = 1
    """Processes that share one long sequence; needs flash-attention and DeepSpeed."""
    seed: int = 42
    auto_stop: bool = False
    """End once two exams in a row are passed: the training pauses at every checkpoint for its quick exam."""

    def problems(self) -> list[UserError]:
        """Everything that cannot work, at once."""
        found = [
            UserError("recipe_too_small", field=field, least=least, value=getattr(self, field))
            for field, least in _LEAST.items()
            if not getattr(self, field) >= least
        ]
        found += [
            UserError("recipe_too_large", field=field, most=_MOST, value=getattr(self, field))
            for field in _LEAST
            if getattr(self, field) > _MOST
        ]
        found += [
            UserError("recipe_not_one_of", field=field, choices=", ".join(choices), value=getattr(self, field))
            for field, choices in _CHOICES.items()
            if getattr(self, field) not in choices
        ]
        found += [
            UserError("recipe_not_a_share", field=field, value=getattr(self, field))
            for field in ("lora_dropout", "warmup_ratio")
            if not 0 <= getattr(self, field) < 1
        ]
        if self.varlen_attention and not self.pack:
            found.append(UserError("recipe_varlen_without_packing"))
        if self.varlen_attention and self.batch_size > 1:
            found.append(UserError("recipe_varlen_batch", steps=self.batch_size * self.accumulation))
        if self.deepspeed != "none" and self.method != "full" and self.lora_plus_ratio != 1:
            found.append(UserError("recipe_lora_plus_deepspeed", ratio=self.lora_plus_ratio))
        if self.sequence_parallel > 1 and not self._shares_sequences:
            found.append(UserError("recipe_sequence_parallel", value=self.sequence_parallel))
        if not 0 < self.learning_rate <= 1:
            found.append(UserError("recipe_learning_rate", value=self.learning_rate))
        if not self.prompt_template.isidentifier():
            found.append(UserError("recipe_template", value=self.prompt_template))
        if not re.fullmatch(r"[\w:][\w.:-]*", self.address):
            found.append(UserError("recipe_address", value=self.address))
        if self.port > LAST_PORT:
            found.append(UserError("recipe_port", value=self.port))
        return found

    @property
    def distributed(self) -> bool:
        """Whether torchrun starts it: several processes, or DeepSpeed, which wants it for one as well."""
        return self.deepspeed != "none" or self.processes * self.nodes > 1

    @property
    def _shares_sequences(self) -> bool:
        # XTuner's trainer asserts the first two; a rest of either number would leave processes without a partner.
        whole = not (self.processes * self.nodes % self.sequence_parallel or self.max_length % self.sequence_parallel)
        return self.deepspeed != "none" and self.pack and whole

    @property
    def rows_a_step(self) -> int:
        """Sequences that one step learns from, all processes together."""
        return self.batch_size * self.accumulation * self.processes * self.nodes // self.sequence_parallel

    @property
    def iterations(self) -> int:
        """What XTuner counts: batches, of which `accumulation` make a step."""
        return self.steps * self.accumulation

    @property
    def warmup_iterations(self) -> int:
        """Iterations in which the learning rate rises: none, or at least two, and fewer than all.

        XTuner's own schedule crashes with none, and mmengine's LinearLR of a single iteration never rises at all.
        """
        wanted = min(round(self.iterations * self.warmup_ratio), self.iterations - 1)
        return wanted if wanted >= 2 else 0


_CHOICES = {"method": METHODS, "precision": PRECISIONS, "deepspeed": DEEPSPEEDS, "lora_layers": tuple(LORA_LAYERS)}
_LEAST = {
    "lora_rank": 1,
    "lora_alpha": 1,
    "lora_plus_ratio": 1,
    "batch_size": 1,
    "accumulation": 1,
    "max_length": 32,
    "steps": 1,
    "weight_decay": 0,
    "max_norm": 1e-6,
    "save_every": 1,
    "keep_checkpoints": -1,
    "evaluation_tokens": 1,
    "processes": 1,
    "nodes": 1,
    "sequence_parallel": 1,
    "port": 0,
    "seed": 0,
}
MOST_CHECKPOINTS = 20
"""That a suggestion saves: each takes its room on the disk, and its exam."""
_MOST = 2**31 - 1
"""What numpy's and the file formats' counters hold; far above anything that makes sense."""


def checked(recipe: Recipe) -> Recipe:
    """The recipe itself. Raises its first problem."""
    for problem in recipe.problems():
        raise problem
    return recipe


def refuse_too_small(recipe: Recipe) -> None:
    """Raises UserError(recipe_too_small); other problems are for checked()."""
    for problem in recipe.problems():
        if problem.code == "recipe_too_small":
            raise problem


def suggest(
    machine: Machine, data: Measured, parameters: int = 135_000_000, most: int = MOST_ON_CPU, **chosen: Any
) -> Recipe:
    """A recipe for this data and a model of `parameters` weights on `machine`.

    CPU: LoRA+ in fp32 beside the feed-forward layers, which learns as well as beside every layer and takes less time;
    eight conversations a step, each by itself: packed ones see each other, and a small model then says one's answer to
    the other's question (docs/recipe.md). Steps to see the data twice, but no more than `most`.
    GPU: the course's QLoRA (NF4, r=64, alpha 16, lr 2e-4) with a smaller batch, since the data is small and various.
    `chosen` are settings that stand: the others are made to fit them. Raises UserError(recipe_too_small).
    """
    recipe = replace(_plain(machine, parameters), **chosen)
    recipe = replace(recipe, **{**fitting(recipe), **chosen})
    if recipe.method == "full":
        recipe = replace(recipe, **{**_full(machine, parameters), **chosen})
    refuse_too_small(recipe)  # before anything is divided by what was chosen
    sequences = max(1, math.ceil(data.tokens / recipe.max_length) if recipe.pack else data.rows)
    passes, most = (2, most) if machine.device == "cpu" else (3, sequences)
    steps = max(20, math.ceil(passes * sequences / recipe.rows_a_step))
    steps = min(steps, max(20, most))
    # The exam of a checkpoint takes a quarter of a minute on a CPU.
    save_every = math.ceil(steps / 2) if machine.device == "cpu" else min(100, math.ceil(steps / 3))
    save_every = max(save_every, math.ceil(steps / MOST_CHECKPOINTS))
    return replace(recipe, **{"steps": save_every * math.ceil(steps / save_every), "save_every": save_every, **chosen})


def _plain(machine: Machine, parameters: int) -> Recipe:
    if machine.device == "cpu":
        # Attention, not weights, fills the memory of a small model; a big one's activations are worth saving there too.
        return Recipe(
            lora_layers="feed_forward",
            learning_rate=4e-4,
            lora_plus_ratio=10.0,
            activation_checkpointing=parameters > 500_000_000,
        )
    return Recipe(
        method="qlora",
        precision="bf16" if machine.bf16 else "fp16",
        lora_rank=64,
        lora_alpha=16,
        lora_dropout=0.1,
        learning_rate=2e-4,
        max_length=512,
        activation_checkpointing=parameters > 500_000_000,
    )


def fitting(recipe: Recipe) -> dict[str, Any]:
    """What DeepSpeed and packed rows that do not see each other want otherwise: one learning rate, as before LoRA+
    (docs/recipe.md, S), and one sequence at a time.
    """
    changes: dict[str, Any] = {}
    if recipe.deepspeed != "none" and recipe.lora_plus_ratio != 1:
        changes |= {"lora_plus_ratio": 1.0, "learning_rate": Recipe.learning_rate}
    if recipe.varlen_attention:
        changes |= {"batch_size": 1, "accumulation": recipe.batch_size * recipe.accumulation}
    return changes


def _full(machine: Machine, parameters: int) -> dict[str, Any]:
    """What training every weight wants otherwise: small steps, XTuner's own 2e-5 from a billion weights on, and, where
    weights, gradients and Adam's two averages (16 bytes a weight) leave little room, one row at a time.
    """
    memory = min((gpu.memory_gib for gpu in machine.gpus), default=machine.memory_gib)
    changes: dict[str, Any] = {"learning_rate": 2e-5 if parameters > 500_000_000 else 3e-4}
    if 16 * parameters / 2**30 > memory / 2:
        batch = Recipe.batch_size * Recipe.accumulation
        changes |= {"batch_size": 1, "accumulation": batch, "activation_checkpointing": True}
    return changes


def from_dict(values: dict[str, object]) -> Recipe:
    """A recipe from stored values; unknown names are an error (a typo must not pass silently)."""
    unknown = set(values) - set(asdict(Recipe()))
    if unknown:
        raise UserError("recipe_unknown_field", field=", ".join(sorted(unknown)))
    lists = {field: tuple(value) for field, value in values.items() if isinstance(value, list)}
    return Recipe(**{**values, **lists})  # type: ignore[arg-type]
