"""How much memory a training will take, by formula, and what is free. No torch.

For N weights, T of them trained, L layers of width h with a heads, vocabulary V, and b rows of s tokens at once:

- weights: 4 N bytes (XTuner keeps those of LoRA in fp32 on every device), 2 N where frozen ones are held in bf16
  (xtuner_speed.py); QLoRA packs the linear layers into NF4 with double quantisation, 0.5 + 0.127/8 bytes a weight
  (Dettmers et al. 2023, QLoRA, section 3), the rest stays as it is;
- gradients 4 T, and AdamW's two moments 8 T (fp32); where every weight learns, an update holds three copies of the
  largest one for a moment, the embeddings: 12 V h;
- activations: b s h (34 + 5 a s / h) bytes a layer at 16 bits, twice that at 32 (Korthikanti et al. 2022, Reducing
  Activation Recomputation, section 4.1); the part with s / h only where attention is written out, since fused attention
  does not keep its scores; recomputed ones leave 2 b s h (4 at 32 bits) a layer, and one layer whole;
- logits: 4 b s V bytes, three times (as they are, their softmax, and its gradient), for the `LEARNED` share of tokens;
- activations and logits times `SPARE`: what the allocator holds back for rows of other lengths, and what backward needs
  for a moment;
- what Python, torch and XTuner take for themselves: `PROGRAM`, measured on a CPU.

tests/bench/forecast.py compares it with six trainings; docs/recipe.md has its table.

P processes share out, with DeepSpeed: ZeRO-1 the moments, ZeRO-2 the gradients too, ZeRO-3 the weights as well; each
holds 1/P of those (Rajbhandari et al. 2020, ZeRO, figure 1). With offload the moments lie in the machine's own memory.
On a CPU all processes of the machine lie in the same memory, on GPUs each has its own.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from training.errors import UserError
from training.machine import Machine, amx, free_memory
from training.models import layout
from training.recipe import LORA_LAYERS, Recipe
from training.xtuner_config import attention

PROGRAM = int(0.9 * 2**30)
SPARE = 1.8
LEARNED = 0.5
"""Of a row, what the assistant says; only that is scored (xtuner_speed.py)."""
_NF4 = 0.5 + 0.127 / 8


@dataclass(frozen=True)
class Shape:
    """What of a model decides how much memory it takes."""

    parameters: int
    layers: int
    width: int
    heads: int
    vocabulary: int
    linear: tuple[tuple[int, int], ...]
    """Inputs and outputs of a layer's linear parts, in the order of LORA_LAYERS' "all"."""


@dataclass(frozen=True)
class Memory:
    """Bytes at the worst moment of the training."""

    weights: int
    optimizer: int
    """Gradients and moments of the weights that are trained."""
    activations: int
    logits: int
    program: int = PROGRAM

    @property
    def total(self) -> int:
        return sum(asdict(self).values())


def shape(folder: Path) -> Shape | None:
    """The shape of the model in `folder`; None when it is not here, or its config does not tell."""
    try:
        config, info = layout.table(folder, "config.json"), layout.describe(folder)
        width, heads, inner = (int(config[key]) for key in ("hidden_size", "num_attention_heads", "intermediate_size"))
        layers, vocabulary = int(config["num_hidden_layers"]), int(config["vocab_size"])
    except (UserError, KeyError, TypeError, ValueError):
        return None
    head = int(config.get("head_dim") or width // heads)
    outer, keys = head * heads, head * int(config.get("num_key_value_heads") or heads)
    attention = ((width, outer), (width, keys), (width, keys), (outer, width))
    linear = (*attention, (width, inner), (width, inner), (inner, width))
    counted = layers * sum(a * b for a, b in linear) + vocabulary * width
    return Shape(info.parameters or counted, layers, width, heads, vocabulary, linear)


def needed(model: Shape, recipe: Recipe, longest: int, device: str = "cpu") -> Memory:
    """What training takes, of this machine ("cpu") or of each GPU ("cuda"); the rows have up to `longest` tokens."""
    linear = model.layers * sum(a * b for a, b in model.linear)
    halved = _halved(recipe, device)
    weights = (2 if halved else 4) * model.parameters
    if recipe.method == "qlora":
        weights -= round((4 - _NF4) * linear)
    beside = LORA_LAYERS[recipe.lora_layers]
    sizes = [sum(size) for name, size in zip(LORA_LAYERS["all"], model.linear) if name in beside]
    lora = model.layers * recipe.lora_rank * sum(sizes)
    trained = model.parameters if recipe.method == "full" else lora
    stage = int(recipe.deepspeed[4]) if recipe.deepspeed != "none" else 0
    parts = recipe.processes * recipe.nodes
    gradients, moments = (4 * trained // (parts if stage >= level else 1) * size for level, size in ((2, 1), (1, 2)))
    if recipe.deepspeed.endswith("_offload"):
        moments = 0
    weights //= parts if stage == 3 else 1
    tokens = recipe.batch_size * longest // recipe.sequence_parallel
    wide = 2 if recipe.precision == "fp32" and not halved else 1
    scores = 5 * model.heads * longest / model.width if attention(recipe, device) == "eager" else 0
    layer = wide * tokens * model.width * (34 + scores)
    kept = 2 * wide * tokens * model.width
    activations = layer + model.layers * kept if recipe.activation_checkpointing else model.layers * layer
    logits = round(3 * 4 * LEARNED * tokens * model.vocabulary)
    update = 12 * model.vocabulary * model.width if recipe.method == "full" else 0
    together = recipe.processes if device == "cpu" else 1
    parts_of_it = (weights, gradients + moments + update, round(SPARE * activations), round(SPARE * logits), PROGRAM)
    return Memory(*(together * each for each in parts_of_it))


def _halved(recipe: Recipe, device: str) -> bool:
    """Whether xtuner_speed.py holds what learns nothing in bf16."""
    return device == "cpu" and recipe.method == "lora" and recipe.deepspeed == "none" and amx()


def free(here: Machine, recipe: Recipe) -> int:
    """Bytes that are free now: of the machine, or of the fullest GPU that the run would use."""
    wanted = [gpu for gpu in here.gpus if gpu.number in recipe.gpus] or here.gpus[: recipe.processes]
    if not wanted:
        return free_memory()
    return round(min(gpu.free_gib for gpu in wanted) * 2**30)
