"""Writes the XTuner config of a run. One of the two rooms that know XTuner's dialect (the other: xtuner.py).

A config is executed Python, so every value goes in through repr(), never as text.
The layout follows XTuner's own internlm2_1_8b_qlora_alpaca_e3, so that a reader of the course finds his way.
"""

from __future__ import annotations

from pathlib import Path

from training.home import ROOT
from training.recipe import LORA_LAYERS, Recipe

SHORT = 512
"""Tokens of a row up to which attention is written out: a step of 8 x 44 then takes 0.86 s instead of 1.21 s."""


OWN_CODE = f"""
# What of this config is Assistant Studio's is found here, on every machine that trains with it.
__import__("sys").path.append({str(ROOT)!r})
# Repairs that XTuner 0.2.0 needs on a CPU and for --resume. (An import statement would be lazy in a config.)
__import__("training.xtuner_repairs")
"""


def render(recipe: Recipe, model: Path, data: Path, device: str) -> str:
    """The whole config as Python text, for `xtuner train`.

    `model` is a Hugging Face folder, `data` a file of OpenAI messages, `device` "cpu" or "cuda".
    """
    return "".join(
        (
            _IMPORTS,
            OWN_CODE,
            _settings(recipe, model, data),
            _MODEL_HEAD,
            _llm(recipe, device),
            _lora(recipe),
            _DATASET,
            _dataloader(recipe),
            _optimizer(recipe, device),
            _schedule(recipe),
            _runtime(recipe, device),
        )
    )


_IMPORTS = """\
import torch
from datasets import load_dataset
from mmengine.dataset import DefaultSampler
from mmengine.hooks import CheckpointHook, DistSamplerSeedHook, IterTimerHook, LoggerHook, ParamSchedulerHook
from mmengine.optim import AmpOptimWrapper, CosineAnnealingLR, LinearLR, OptimWrapper
from peft import LoraConfig
from torch.optim import AdamW
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from xtuner.dataset import process_hf_dataset
from xtuner.dataset.collate_fns import default_collate_fn
from xtuner.dataset.map_fns import openai_map_fn, template_map_fn_factory
from xtuner.engine.hooks import DatasetInfoHook, VarlenAttnArgsToMessageHubHook
from xtuner.engine.runner import TrainLoop
from xtuner.model import SupervisedFinetune
from xtuner.parallel.sequence import SequenceParallelSampler
from xtuner.utils import PROMPT_TEMPLATE

from training.xtuner_hooks import AutoStopHook, SampleAnswersHook, StopAndKeepHook
from training.xtuner_sampler import ShuffledLengthGroupedSampler
"""


def _settings(recipe: Recipe, model: Path, data: Path) -> str:
    values = {
        "pretrained_model_name_or_path": str(model),
        "data_path": str(data),
        "max_length": recipe.max_length,
        "pack_to_max_length": recipe.pack,
        "use_varlen_attn": recipe.varlen_attention,
        "sequence_parallel_size": recipe.sequence_parallel,
        "batch_size": recipe.batch_size,
        "accumulative_counts": recipe.accumulation,
        "max_iters": recipe.iterations,
        "warmup_iters": recipe.warmup_iterations,
        "lr": recipe.learning_rate,
        "betas": (0.9, 0.999),
        "weight_decay": recipe.weight_decay,
        "max_norm": recipe.max_norm,
        "save_steps": recipe.save_every * recipe.accumulation,
        "save_total_limit": recipe.keep_checkpoints,
        "evaluation_freq": recipe.save_every * recipe.accumulation,
        "evaluation_inputs": list(recipe.evaluation_inputs),
        "SYSTEM": recipe.system.replace("{", "{{").replace("}", "}}"),
    }
    lines = "".join(f"{key} = {value!r}\n" for key, value in values.items())
    template = f"prompt_template = getattr(PROMPT_TEMPLATE, {recipe.prompt_template!r})\n"
    return f"{_title('1  Settings')}{lines}{template}"


def _title(text: str) -> str:
    return f"\n{'#' * 79}\n# PART {text}\n{'#' * 79}\n"


_MODEL_HEAD = (
    _title("2  Model and tokenizer")
    + """\
tokenizer = dict(
    type=AutoTokenizer.from_pretrained,
    pretrained_model_name_or_path=pretrained_model_name_or_path,
    trust_remote_code=False,
    padding_side="right",
)

"""
)


def attention(recipe: Recipe, device: str) -> str:
    """How attention is computed, as transformers calls it.

    On a CPU step by step: torch's own kernel takes several times as long for short rows; for long ones it saves much
    memory. Left to itself, XTuner takes flash-attn where it is installed, and weights in 16 bits with it.
    """
    if device == "cpu" and recipe.max_length <= SHORT:
        return "eager"
    return "flash_attention_2" if recipe.varlen_attention or recipe.sequence_parallel > 1 else "sdpa"


def _llm(recipe: Recipe, device: str) -> str:
    dtype = "torch.float32" if device == "cpu" else f"torch.{DTYPE[recipe.precision]}"
    text = f"""\
llm = dict(
    type=AutoModelForCausalLM.from_pretrained,
    pretrained_model_name_or_path=pretrained_model_name_or_path,
    trust_remote_code=False,
    torch_dtype={"torch.float32" if recipe.method == "full" else dtype},
    attn_implementation={attention(recipe, device)!r},
)
"""
    if recipe.method == "qlora":
        text += f"""\
llm["quantization_config"] = dict(
    type=BitsAndBytesConfig,
    load_in_4bit=True,
    load_in_8bit=False,
    llm_int8_threshold=6.0,
    llm_int8_has_fp16_weight=False,
    bnb_4bit_compute_dtype={dtype},
    bnb_4bit_use_double_quant=True,
    bnb_4bit_quant_type="nf4",
)
"""
    return text


DTYPE = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
"""What torch calls each precision."""


def _lora(recipe: Recipe) -> str:
    lora = ""
    if recipe.method != "full":
        lora = f"""\
    lora=dict(
        type=LoraConfig,
        r={recipe.lora_rank!r},
        lora_alpha={recipe.lora_alpha!r},
        lora_dropout={recipe.lora_dropout!r},
        target_modules={list(LORA_LAYERS[recipe.lora_layers])!r},
        bias="none",
        task_type="CAUSAL_LM",
    ),
"""
    return f"""
model = dict(
    type=SupervisedFinetune,
    llm=llm,
{lora}    use_activation_checkpointing={recipe.activation_checkpointing!r},
    use_varlen_attn=use_varlen_attn,
)
"""


_DATASET = (
    _title("3  Dataset and dataloader")
    + """\
train_dataset = dict(
    type=process_hf_dataset,
    dataset=dict(type=load_dataset, path="json", data_files=dict(train=data_path)),
    tokenizer=tokenizer,
    max_length=max_length,
    dataset_map_fn=openai_map_fn,
    template_map_fn=dict(type=template_map_fn_factory, template=prompt_template),
    remove_unused_columns=True,
    shuffle_before_pack=True,
    pack_to_max_length=pack_to_max_length,
    use_varlen_attn=use_varlen_attn,
    map_num_proc=None,
)
"""
)


def _dataloader(recipe: Recipe) -> str:
    # Rows of like length in a batch: little padding, and no row sees another.
    grouped = "type=ShuffledLengthGroupedSampler, per_device_batch_size=batch_size * accumulative_counts"
    packed = "SequenceParallelSampler" if recipe.sequence_parallel > 1 else "DefaultSampler"
    sampler = f"type={packed}, shuffle=True" if recipe.pack else grouped
    return f"""
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=0,
    dataset=train_dataset,
    sampler=dict({sampler}),
    collate_fn=dict(type=default_collate_fn, use_varlen_attn=use_varlen_attn),
)
"""


def _optimizer(recipe: Recipe, device: str) -> str:
    # AmpOptimWrapper refuses a CPU, where training is in fp32 anyway.
    mixed = device != "cpu" and recipe.precision != "fp32"
    kind = "AmpOptimWrapper" if mixed else "OptimWrapper"
    # LoRA+: mmengine multiplies the learning rate of every weight whose name holds the key.
    plus = recipe.method != "full" and recipe.lora_plus_ratio != 1
    faster = f'dict(custom_keys={{".lora_B.": dict(lr_mult={recipe.lora_plus_ratio!r})}})'
    precision = f'    loss_scale="dynamic",\n    dtype={DTYPE[recipe.precision]!r},\n' if mixed else ""
    return (
        _title("4  Optimizer and learning rate")
        + f"""\
optim_wrapper = dict(
    type={kind},
    optimizer=dict(type=AdamW, lr=lr, betas=betas, weight_decay=weight_decay),
    clip_grad=dict(max_norm=max_norm, error_if_nonfinite=False),
    accumulative_counts=accumulative_counts,
{f"    paramwise_cfg={faster},{chr(10)}" if plus else ""}{precision})
"""
    )


def _schedule(recipe: Recipe) -> str:
    warmup = "    dict(type=LinearLR, start_factor=1e-5, by_epoch=False, begin=0, end=warmup_iters),\n"
    return f"""
param_scheduler = [
{warmup if recipe.warmup_iterations else ""}\
    dict(type=CosineAnnealingLR, eta_min=0.0, by_epoch=False, begin=warmup_iters, end=max_iters),
]

train_cfg = dict(type=TrainLoop, max_iters=max_iters)
"""


def _runtime(recipe: Recipe, device: str) -> str:
    backend = "gloo" if device == "cpu" else "nccl"
    # Greedy answers: what changes between two checkpoints is then the model, not the dice.
    greedy = "dict(do_sample=False, temperature=None, top_p=None, top_k=None)"
    return (
        _title("5  Runtime")
        + f"""\
custom_hooks = [
    dict(type=DatasetInfoHook, tokenizer=tokenizer),
    dict(
        type=SampleAnswersHook,
        tokenizer=tokenizer,
        every_n_iters=evaluation_freq,
        evaluation_inputs=evaluation_inputs,
        system=SYSTEM,
        prompt_template=prompt_template,
        max_new_tokens={recipe.evaluation_tokens!r},
        generation_kwargs={greedy},
    ),
{_auto_stop(recipe)}{_varlen(recipe)}    dict(type=StopAndKeepHook),
]

default_hooks = dict(
    timer=dict(type=IterTimerHook),
    logger=dict(type=LoggerHook, log_metric_by_epoch=False, interval={_log_interval(recipe)!r}),
    param_scheduler=dict(type=ParamSchedulerHook),
    checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=save_steps, max_keep_ckpts=save_total_limit),
    sampler_seed=dict(type=DistSamplerSeedHook),
)

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend={backend!r}),
)

{_wrapper(recipe, device)}visualizer = None
log_level = "INFO"
load_from = None
resume = False
randomness = dict(seed={recipe.seed!r}, deterministic=False)
log_processor = dict(by_epoch=False, window_size=1)
"""
    )


def _wrapper(recipe: Recipe, device: str) -> str:
    # mmengine's own choice names a GPU by its number, which torch refuses where there is none.
    if device != "cpu" or recipe.deepspeed != "none" or not recipe.distributed:
        return ""
    return 'model_wrapper_cfg = dict(type="MMDistributedDataParallel", device_ids=None, broadcast_buffers=False)\n\n'


def _auto_stop(recipe: Recipe) -> str:
    # Before StopAndKeepHook, which then ends the training at this very step.
    return "    dict(type=AutoStopHook, every_n_iters=save_steps),\n" if recipe.auto_stop else ""


def _varlen(recipe: Recipe) -> str:
    return "    dict(type=VarlenAttnArgsToMessageHubHook),\n" if recipe.varlen_attention else ""


def _log_interval(recipe: Recipe) -> int:
    # About a thousand points are as good as any number of them for a curve.
    return max(1, recipe.iterations // 1000)
