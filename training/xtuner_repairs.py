"""Repairs XTuner 0.2.0 needs, applied in its own process: every config of ours imports this module first.

Covered: training on a CPU (and faster there), batches of rows of like length, QLoRA on a CPU, torchrun on a CPU,
--resume with torch >= 2.6, two gloo processes with ZeRO, and that no training process outlives the run process that
started it. Each was met for real.
"""

from __future__ import annotations

from pickle import UnpicklingError
from typing import Any

import torch

from training.process import die_with_parent


def apply() -> None:
    """Make all repairs. Harmless when made twice."""
    die_with_parent()
    _allow_own_checkpoints()
    _group_rows_by_length()
    if not torch.cuda.is_available():
        _pretend_cpu_has_the_cuda_questions()
        _multiply_in_bf16()
        _keep_4bit_weights_trainable()


def _allow_own_checkpoints() -> None:
    # XTuner and mmengine call torch.load without weights_only=False, and a checkpoint of theirs holds these classes.
    from mmengine.logging.history_buffer import HistoryBuffer
    from numpy import dtype, ndarray
    from numpy import dtypes as numpy_dtypes
    from numpy._core.multiarray import _reconstruct, scalar

    kinds = [kind for name in dir(numpy_dtypes) if isinstance(kind := getattr(numpy_dtypes, name), type)]
    allowed = [HistoryBuffer, dtype, ndarray, _reconstruct, scalar, *kinds]

    def statistic(owner: type, name: str) -> object:
        # A history buffer names its own methods by getattr, which in general may reach anything.
        if owner is not HistoryBuffer or name.startswith("_"):
            raise UnpicklingError(f"{owner}.{name} has no place in a checkpoint")
        return getattr(owner, name)

    torch.serialization.add_safe_globals([*allowed, (statistic, "builtins.getattr")])


def _group_rows_by_length() -> None:
    # datasets >= 4 gives a column as an object of its own, and the sampler insists on a list.
    from xtuner.dataset.samplers import LengthGroupedSampler

    made = LengthGroupedSampler.__init__
    if getattr(made, "repaired", False):
        return

    def repaired(self: Any, dataset: Any, *arguments: Any, **named: Any) -> None:
        dataset.length = list(dataset.length)
        made(self, dataset, *arguments, **named)

    repaired.repaired = True  # type: ignore[attr-defined]
    LengthGroupedSampler.__init__ = repaired


def _multiply_in_bf16() -> None:
    # Weights, sums and the optimizer stay in fp32. A CPU with bf16 instructions takes less time; others ignore it.
    torch.set_float32_matmul_precision("medium")


def _pretend_cpu_has_the_cuda_questions() -> None:
    # XTuner asks torch.<device>.is_bf16_supported(); mmengine calls torch.cuda.set_device under torchrun.
    torch.cpu.is_bf16_supported = lambda *_: False  # type: ignore[attr-defined]
    torch.cuda.set_device = lambda *_: None
    distributed = torch.distributed
    if distributed.is_available():
        # gloo gathers into views of a leaf that wants gradients, and autograd refuses that in the optimizer's step.
        for name in ("all_gather_into_tensor", "reduce_scatter_tensor"):
            setattr(distributed, name, torch.no_grad()(getattr(distributed, name)))


def _keep_4bit_weights_trainable() -> None:
    # A forward in eval mode repacks 4-bit weights for inference on CPUs with avx512_bf16; that layout has no backward.
    try:
        import bitsandbytes.nn.modules as layers
    except ImportError:
        return
    if hasattr(layers, "has_avx512bf16"):
        layers.has_avx512bf16 = lambda: False


apply()
