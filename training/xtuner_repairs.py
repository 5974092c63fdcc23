"""Repairs XTuner 0.2.0 needs, applied in its own process: every config of ours imports this module first.

Covered: training on a CPU (sooner: xtuner_speed.py), QLoRA on a CPU, torchrun on a CPU, DeepSpeed there (in fp32,
without a compiler, with two gloo processes), --resume with torch >= 2.6, conversations that begin as the model's own
template lets them, and that no training process outlives the run process that started it. Each was met for real; only
the one for flash-attn was met without it, by XTuner's own attention on torch's kernel.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from pickle import UnpicklingError
from types import SimpleNamespace
from typing import Any

import torch

from training import xtuner_speed
from training.models import chat_template
from training.process import die_with_parent


def apply() -> None:
    """Make all repairs. Harmless when made twice."""
    die_with_parent()
    _allow_own_checkpoints()
    _tokenize_with_the_cores_there_are()
    _begin_as_the_template_does()
    _keep_single_weights_out_of_the_log()
    _attend_alone_and_with_a_cache()
    if not torch.cuda.is_available():
        _pretend_cpu_has_the_cuda_questions()
        xtuner_speed.apply()
        _spare_the_compiler()
        _keep_4bit_weights_trainable()


def _allow_own_checkpoints() -> None:
    # XTuner and mmengine call torch.load without weights_only=False, and a checkpoint of theirs holds these classes.
    from mmengine.config import ConfigDict  # DeepSpeed's have them as well
    from mmengine.logging.history_buffer import HistoryBuffer
    from numpy import dtype, ndarray
    from numpy import dtypes as numpy_dtypes
    from numpy._core.multiarray import _reconstruct, scalar

    kinds = [kind for name in dir(numpy_dtypes) if isinstance(kind := getattr(numpy_dtypes, name), type)]
    allowed = [ConfigDict, HistoryBuffer, dtype, ndarray, _reconstruct, scalar, *kinds]

    def statistic(owner: type, name: str) -> object:
        # A history buffer names its own methods by getattr, which in general may reach anything.
        if owner is not HistoryBuffer or name.startswith("_"):
            raise UnpicklingError(f"{owner}.{name} has no place in a checkpoint")
        return getattr(owner, name)

    torch.serialization.add_safe_globals([*allowed, (statistic, "builtins.getattr")])


def _tokenize_with_the_cores_there_are() -> None:
    # Unless a config says another number, XTuner lets 32 processes tokenize, whatever the machine and the dataset: on
    # two cores 10 s for what one process does in half a second.
    from xtuner.dataset.huggingface import process_hf_dataset

    cores = min(32, (os.cpu_count() or 1) // 2)
    *others, _ = process_hf_dataset.__defaults__  # map_num_proc is its last parameter
    process_hf_dataset.__defaults__ = (*others, cores if cores > 1 else None)


def _begin_as_the_template_does() -> None:
    # XTuner puts bos_token before a conversation whether or not the model's template does, and fails where there is
    # none. SmolLM2's is <|im_start|>, which then stands there twice; the exam and the chat have it once.
    from xtuner.dataset import utils

    theirs = utils.get_bos_eos_token_ids

    def marks(tokenizer: Any) -> tuple[list[int], list[int]]:
        first, last = theirs(tokenizer)
        begins = chat_template.begins(tokenizer)
        return (first or [] if begins is None else begins), last

    utils.get_bos_eos_token_ids = marks


def _keep_single_weights_out_of_the_log() -> None:
    # LoRA+ gives B a learning rate of its own. mmengine has a line for each of the thousand weights, whichever it gets.
    from mmengine.optim.optimizer import default_constructor

    default_constructor.print_log = lambda *_, **__: None


def _attend_alone_and_with_a_cache() -> None:
    # With flash-attn installed XTuner replaces every model's attention. Its own asks for a process group, which one
    # process has none of, and calls the cache of an answer's tokens as transformers did before 4.56.
    from xtuner.model.modules import dispatch

    if not dispatch.SUPPORT_FLASH2:
        return
    from mmengine.dist import get_rank
    from xtuner.model.modules.dispatch import llama, mistral, qwen2

    group = SimpleNamespace(is_initialized=torch.distributed.is_initialized, get_rank=get_rank)
    for room in (llama, mistral, qwen2):
        room.dist = group
        name = f"{room.__name__.rpartition('.')[2]}_attn_forward"
        setattr(room, name, _with_todays_cache(getattr(room, name)))


def _with_todays_cache(forward: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(forward)
    def renamed(*given: Any, past_key_values: Any = None, **named: Any) -> Any:
        return forward(*given, **{"past_key_value": past_key_values, **named})

    return renamed


def _pretend_cpu_has_the_cuda_questions() -> None:
    # XTuner asks torch.<device>.is_bf16_supported(), and lets DeepSpeed train in fp16 where the device is "available";
    # mmengine calls torch.cuda.set_device under torchrun.
    torch.cpu.is_available = lambda: False
    torch.cpu.is_bf16_supported = lambda *_: False  # type: ignore[attr-defined]
    torch.cuda.set_device = lambda *_: None
    distributed = torch.distributed
    if distributed.is_available():
        # gloo gathers into views of a leaf that wants gradients, and autograd refuses that in the optimizer's step.
        for name in ("all_gather_into_tensor", "reduce_scatter_tensor"):
            setattr(distributed, name, torch.no_grad()(getattr(distributed, name)))


def _spare_the_compiler() -> None:
    # On a CPU DeepSpeed compiles a shared memory for its processes, which takes minutes and wants a compiler.
    if "--deepspeed" in sys.argv:
        import deepspeed

        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False


def _keep_4bit_weights_trainable() -> None:
    # A forward in eval mode repacks 4-bit weights for inference on CPUs with avx512_bf16; that layout has no backward.
    try:
        import bitsandbytes.nn.modules as layers
    except ImportError:
        return
    if hasattr(layers, "has_avx512bf16"):
        layers.has_avx512bf16 = lambda: False


apply()
