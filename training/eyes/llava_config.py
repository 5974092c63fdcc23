"""Writes the XTuner configs of the two stages: the projector on captions, then projector and LoRA on conversations.

Beside xtuner_config.py the only room that writes one, and by the same rule: every value goes in through repr().
The layout follows XTuner's own llava_internlm2_chat_1_8b_qlora_clip_vit_large_p14_336_lora_e1_gpu8_finetune.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training.xtuner_config import OWN_CODE


@dataclass(frozen=True)
class Stage:
    """What one of the two stages is to do."""

    data: str
    """The file of its conversations."""
    iterations: int
    learning_rate: float
    lora_rank: int = 0
    """0: the language model stays as it is, only the projector learns."""
    lora_plus_ratio: float = 1.0
    """How many times LoRA's B learns as fast as its A, which has `learning_rate` (LoRA+)."""
    projector_ratio: float = 1.0
    """How many times the projector learns as fast as `learning_rate`."""
    batch_size: int = 8
    max_length: int = 320
    """Tokens of the text of a conversation; its picture comes on top."""
    warmup: float = 0.05
    """Share of the iterations in which the learning rate rises."""
    seed: int = 0

    @property
    def warmup_iterations(self) -> int:
        return max(1, round(self.warmup * self.iterations))


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
    """The file whose projector (and LoRA, if it has any) the stage begins with."""


def render(stage: Stage, places: Places, device: str) -> str:
    """The whole config as Python text, for `xtuner train`. `device`: "cpu" or "cuda"."""
    lora = _LORA.format(rank=stage.lora_rank, alpha=2 * stage.lora_rank) if stage.lora_rank else ""
    cpu = device == "cpu"
    return "".join(
        (
            _IMPORTS,
            OWN_CODE,
            _settings(stage, places),
            _MODEL.format(
                lora=lora,
                dtype="float32" if cpu else "bfloat16",
                attention='        attn_implementation="eager",\n' if cpu else "",
            ),
            _DATA,
            _TRAINING.format(
                kind="OptimWrapper" if cpu else "AmpOptimWrapper",
                faster=_faster(stage),
                precision="" if cpu else '    loss_scale="dynamic",\n    dtype="bfloat16",\n',
                backend="gloo" if cpu else "nccl",
            ),
        )
    )


def _settings(stage: Stage, places: Places) -> str:
    values = {
        "llm_name_or_path": str(places.model),
        "visual_encoder_name_or_path": str(places.encoder),
        "pretrained_pth": str(places.pretrained) if places.pretrained else None,
        "data_path": str(places.data / stage.data),
        "image_folder": str(places.data),
        "max_length": stage.max_length,
        "batch_size": stage.batch_size,
        "max_iters": stage.iterations,
        "warmup_iters": stage.warmup_iterations,
        "lr": stage.learning_rate,
        "seed": stage.seed,
    }
    lines = "".join(f"{key} = {value!r}\n" for key, value in values.items())
    return f"\n# Settings\n{lines}prompt_template = PROMPT_TEMPLATE.qwen_chat\n"


def _faster(stage: Stage) -> str:
    """mmengine multiplies the learning rate of every weight whose name holds a key."""
    ratios = {"projector.": stage.projector_ratio, ".lora_B.": stage.lora_plus_ratio if stage.lora_rank else 1.0}
    keys = {key: {"lr_mult": ratio} for key, ratio in ratios.items() if ratio != 1}
    return f"    paramwise_cfg=dict(custom_keys={keys!r}),\n" if keys else ""


_IMPORTS = """\
import torch
from mmengine.hooks import CheckpointHook, DistSamplerSeedHook, IterTimerHook, LoggerHook, ParamSchedulerHook
from mmengine.optim import AmpOptimWrapper, CosineAnnealingLR, LinearLR, OptimWrapper
from peft import LoraConfig
from torch.optim import AdamW
from transformers import AutoModelForCausalLM, AutoTokenizer, CLIPImageProcessor, CLIPVisionModel
from xtuner.dataset import LLaVADataset
from xtuner.dataset.collate_fns import default_collate_fn
from xtuner.dataset.map_fns import llava_map_fn, template_map_fn_factory
from xtuner.engine.hooks import DatasetInfoHook
from xtuner.engine.runner import TrainLoop
from xtuner.model import LLaVAModel
from xtuner.utils import PROMPT_TEMPLATE

from training.xtuner_hooks import StopAndKeepHook
from training.xtuner_sampler import ShuffledLengthGroupedSampler
"""

_LORA = """\
    llm_lora=dict(
        type=LoraConfig, r={rank!r}, lora_alpha={alpha!r}, lora_dropout=0.0, bias="none", task_type="CAUSAL_LM"
    ),
"""

_MODEL = """
# Model, tokenizer and image processor
tokenizer = dict(
    type=AutoTokenizer.from_pretrained,
    pretrained_model_name_or_path=llm_name_or_path,
    trust_remote_code=False,
    padding_side="right",
)

image_processor = dict(
    type=CLIPImageProcessor.from_pretrained,
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
{attention}    ),
    visual_encoder=dict(
        type=CLIPVisionModel.from_pretrained, pretrained_model_name_or_path=visual_encoder_name_or_path
    ),
{lora}    use_activation_checkpointing=False,
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
        per_device_batch_size=batch_size,
    ),
    collate_fn=dict(type=default_collate_fn),
)
"""

_TRAINING = """
# Optimizer, learning rate and runtime
optim_wrapper = dict(
    type={kind},
    optimizer=dict(type=AdamW, lr=lr, betas=(0.9, 0.999), weight_decay=0.0),
    clip_grad=dict(max_norm=1.0, error_if_nonfinite=False),
    accumulative_counts=1,
{faster}{precision})

param_scheduler = [
    dict(type=LinearLR, start_factor=1e-5, by_epoch=False, begin=0, end=warmup_iters),
    dict(type=CosineAnnealingLR, eta_min=0.0, by_epoch=False, begin=warmup_iters, end=max_iters),
]

train_cfg = dict(type=TrainLoop, max_iters=max_iters)

custom_hooks = [dict(type=DatasetInfoHook, tokenizer=tokenizer), dict(type=StopAndKeepHook)]

default_hooks = dict(
    timer=dict(type=IterTimerHook),
    logger=dict(type=LoggerHook, log_metric_by_epoch=False, interval=1),
    param_scheduler=dict(type=ParamSchedulerHook),
    checkpoint=dict(type=CheckpointHook, by_epoch=False, interval=max_iters, max_keep_ckpts=1),
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
