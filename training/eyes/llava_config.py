"""Writes the XTuner configs of the two stages: the projector on captions, then projector and LoRA on conversations.

Beside xtuner_config.py the only room that writes one, and by the same rule: every value goes in through repr().
The layout follows XTuner's own llava_internlm2_chat_1_8b_qlora_clip_vit_large_p14_336_lora_e1_gpu8_finetune.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.eyes.eyes_recipe import EyesRecipe
from training.eyes.picture_sets import CAPTIONS, TALKS
from training.models.vision import CLIP, Kind
from training.recipe import LORA_LAYERS, Recipe
from training.xtuner_config import DTYPE, OWN_CODE, attention


@dataclass(frozen=True)
class Places:
    """Where everything is."""

    model: Path
    """The language model's folder."""
    encoder: Path
    """The vision encoder's folder."""
    data: Path
    """The folder of the conversations and of the pictures, which are named from there."""
    pretrained: Path | None = None
    """The file whose projector the stage begins with."""
    picture: Path | None = None
    """What the sample questions are about."""
    kind: Kind = CLIP
    """The encoder's."""


def render(recipe: Recipe, eyes: EyesRecipe, places: Places, device: str, first: bool = False) -> str:
    """The whole config as Python text, for `xtuner train`: of the second stage, or of the `first` one; then `recipe` is
    that one's (eyes_recipe.first_stage). `device`: "cpu" or "cuda".
    """
    mixed = device != "cpu" and recipe.precision != "fp32"
    return "".join(
        (
            _IMPORTS.format(model=places.kind.model, processor=places.kind.processor),
            OWN_CODE,
            _settings(recipe, places, first),
            _MODEL.format(
                lora="" if first else _lora(recipe, eyes),
                dtype="float32" if device == "cpu" else DTYPE[recipe.precision],
                attention=attention(recipe, device),
                quantized=_quantized(recipe, device),
                checkpointing=recipe.activation_checkpointing,
                encoder=places.kind.model,
                processor=places.kind.processor,
            ),
            _DATA,
            _TRAINING.format(
                kind="AmpOptimWrapper" if mixed else "OptimWrapper",
                faster="" if first else _faster(recipe, eyes),
                precision=f'    loss_scale="dynamic",\n    dtype={DTYPE[recipe.precision]!r},\n' if mixed else "",
                warmup=_WARMUP if recipe.warmup_iterations else "",
                samples="" if first or not recipe.evaluation_inputs or not places.picture else _samples(recipe, places),
                backend="gloo" if device == "cpu" else "nccl",
            ),
        )
    )


def _settings(recipe: Recipe, places: Places, first: bool) -> str:
    values = {
        "llm_name_or_path": str(places.model),
        "visual_encoder_name_or_path": str(places.encoder),
        "pretrained_pth": str(places.pretrained) if places.pretrained else None,
        "data_path": str(places.data / (CAPTIONS if first else TALKS)),
        "image_folder": str(places.data),
        "max_length": recipe.max_length,
        "batch_size": recipe.batch_size,
        "accumulative_counts": recipe.accumulation,
        "max_iters": recipe.iterations,
        "warmup_iters": recipe.warmup_iterations,
        "lr": recipe.learning_rate,
        "weight_decay": recipe.weight_decay,
        "max_norm": recipe.max_norm,
        "save_steps": recipe.save_every * recipe.accumulation,
        "save_total_limit": recipe.keep_checkpoints,
        "seed": recipe.seed,
    }
    lines = "".join(f"{key} = {value!r}\n" for key, value in values.items())
    return f"\n# Settings\n{lines}prompt_template = getattr(PROMPT_TEMPLATE, {recipe.prompt_template!r})\n"


def _lora(recipe: Recipe, eyes: EyesRecipe) -> str:
    text = _LORA.format(
        part="llm_lora",
        rank=recipe.lora_rank,
        alpha=recipe.lora_alpha,
        dropout=recipe.lora_dropout,
        more=f',\n        task_type="CAUSAL_LM", target_modules={list(LORA_LAYERS[recipe.lora_layers])!r},',
    )
    if eyes.encoder_lora_rank:
        rank = eyes.encoder_lora_rank
        text += _LORA.format(part="visual_encoder_lora", rank=rank, alpha=2 * rank, dropout=0.0, more="")
    return text


def _quantized(recipe: Recipe, device: str) -> str:
    if recipe.method != "qlora":
        return ""
    return _QUANTIZED.format(dtype="float32" if device == "cpu" else DTYPE[recipe.precision])


def _faster(recipe: Recipe, eyes: EyesRecipe) -> str:
    """mmengine multiplies the learning rate of every weight whose name holds a key."""
    ratios = {"projector.": eyes.projector_ratio, ".lora_B.": recipe.lora_plus_ratio}
    keys = {key: {"lr_mult": ratio} for key, ratio in ratios.items() if ratio != 1}
    return f"    paramwise_cfg=dict(custom_keys={keys!r}),\n" if keys else ""


def _samples(recipe: Recipe, places: Places) -> str:
    return _SAMPLES.format(
        every=recipe.save_every * recipe.accumulation,
        asked=list(recipe.evaluation_inputs),
        picture=str(places.picture),
        system=recipe.system.replace("{", "{{").replace("}", "}}"),
        tokens=recipe.evaluation_tokens,
    )


_IMPORTS = """\
import torch
from mmengine.hooks import CheckpointHook, DistSamplerSeedHook, IterTimerHook, LoggerHook, ParamSchedulerHook
from mmengine.optim import AmpOptimWrapper, CosineAnnealingLR, LinearLR, OptimWrapper
from peft import LoraConfig
from torch.optim import AdamW
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, {processor}, {model}
from xtuner.dataset import LLaVADataset
from xtuner.dataset.collate_fns import default_collate_fn
from xtuner.dataset.map_fns import llava_map_fn, template_map_fn_factory
from xtuner.engine.hooks import DatasetInfoHook
from xtuner.engine.runner import TrainLoop
from xtuner.model import LLaVAModel
from xtuner.utils import PROMPT_TEMPLATE

from training.xtuner_hooks import SampleAnswersHook, StopAndKeepHook
from training.xtuner_sampler import ShuffledLengthGroupedSampler
"""

_LORA = """\
    {part}=dict(
        type=LoraConfig, r={rank!r}, lora_alpha={alpha!r}, lora_dropout={dropout!r}, bias="none"{more}
    ),
"""

_QUANTIZED = """\
        quantization_config=dict(
            type=BitsAndBytesConfig,
            load_in_4bit=True,
            load_in_8bit=False,
            llm_int8_threshold=6.0,
            llm_int8_has_fp16_weight=False,
            bnb_4bit_compute_dtype=torch.{dtype},
            bnb_4bit_use_double_quant=True,
            bnb_4bit_quant_type="nf4",
        ),
"""

_WARMUP = "    dict(type=LinearLR, start_factor=1e-5, by_epoch=False, begin=0, end=warmup_iters),\n"

_MODEL = """
# Model, tokenizer and image processor
tokenizer = dict(
    type=AutoTokenizer.from_pretrained,
    pretrained_model_name_or_path=llm_name_or_path,
    trust_remote_code=False,
    padding_side="right",
)

image_processor = dict(
    type={processor}.from_pretrained,
    pretrained_model_name_or_path=visual_encoder_name_or_path,
    trust_remote_code=False,
)

model = dict(
    type=LLaVAModel,
    freeze_llm=True,
    freeze_visual_encoder=True,
    pretrained_pth=pretrained_pth,
    llm=dict(
        type=AutoModelForCausalLM.from_pretrained,
        pretrained_model_name_or_path=llm_name_or_path,
        trust_remote_code=False,
        torch_dtype=torch.{dtype},
        attn_implementation={attention!r},
{quantized}    ),
    visual_encoder=dict(
        type={encoder}.from_pretrained, pretrained_model_name_or_path=visual_encoder_name_or_path
    ),
{lora}    use_activation_checkpointing={checkpointing!r},
)
"""

_DATA = """
# Dataset and dataloader
llava_dataset = dict(
    type=LLaVADataset,
    data_path=data_path,
    image_folder=image_folder,
    tokenizer=tokenizer,
    image_processor=image_processor,
    dataset_map_fn=llava_map_fn,
    template_map_fn=dict(type=template_map_fn_factory, template=prompt_template),
    max_length=max_length,
    pad_image_to_square=True,
)

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=0,
    dataset=llava_dataset,
    sampler=dict(
        type=ShuffledLengthGroupedSampler,
        length_property="modality_length",
        per_device_batch_size=batch_size * accumulative_counts,
    ),
    collate_fn=dict(type=default_collate_fn),
)
"""

# Greedy answers, and short: each takes a CPU a second or two.
_SAMPLES = """\
    dict(
        type=SampleAnswersHook,
        tokenizer=tokenizer,
        image_processor=image_processor,
        every_n_iters={every!r},
        evaluation_inputs={asked!r},
        evaluation_images={picture!r},
        system={system!r},
        prompt_template=prompt_template,
        max_new_tokens={tokens!r},
        generation_kwargs=dict(do_sample=False, temperature=None, top_p=None, top_k=None),
    ),
"""

_TRAINING = """
# Optimizer, learning rate and runtime
optim_wrapper = dict(
    type={kind},
    optimizer=dict(type=AdamW, lr=lr, betas=(0.9, 0.999), weight_decay=weight_decay),
    clip_grad=dict(max_norm=max_norm, error_if_nonfinite=False),
    accumulative_counts=accumulative_counts,
{faster}{precision})

param_scheduler = [
{warmup}    dict(type=CosineAnnealingLR, eta_min=0.0, by_epoch=False, begin=warmup_iters, end=max_iters),
]

train_cfg = dict(type=TrainLoop, max_iters=max_iters)

custom_hooks = [
    dict(type=DatasetInfoHook, tokenizer=tokenizer),
{samples}    dict(type=StopAndKeepHook),
]

default_hooks = dict(
    timer=dict(type=IterTimerHook),
    logger=dict(type=LoggerHook, log_metric_by_epoch=False, interval=1),
    param_scheduler=dict(type=ParamSchedulerHook),
    checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=save_steps, max_keep_ckpts=save_total_limit),
    sampler_seed=dict(type=DistSamplerSeedHook),
)

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend={backend!r}),
)

visualizer = None
log_level = "INFO"
load_from = None
resume = False
randomness = dict(seed=seed, deterministic=False)
log_processor = dict(by_epoch=False, window_size=1)
"""
