"""From what XTuner's converter wrote to ONE folder that plain transformers loads as LlavaForConditionalGeneration:
`python -m training.eyes.llava_merge MODEL ENCODER PARTS FOLDER`.

XTuner's own way there (--save-format huggingface) fails with transformers 4.57, and leaves out an encoder that was not
trained. Here nothing is renamed by hand: every part is loaded into its place, and a weight that has none is an error.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.models import layout, vision
from training.models.vision import Kind

ADAPTER, ENCODER_ADAPTER, PROJECTOR = "llm_adapter", "visual_encoder_adapter", "projector"
"""What the converter's folder holds; adapters only where there is LoRA."""
IMAGE = "<image>"
LAYER = -2
"""The encoder's layer that is looked at, as XTuner's LLaVAModel does."""

TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] if part['type'] == 'image' %}{{ '<image>\\n' }}{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }}{% endfor %}"
    "{% endif %}{{ '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
"""ChatML as in XTuner's qwen_chat, pictures before the text: word for word what was trained with."""


@dataclass(frozen=True)
class Assembled:
    """A LLaVA whose parts can be reached one by one: what is put into a part is in the whole."""

    whole: Any
    """LlavaForConditionalGeneration, in float32: the starter's eyes do not bear float16."""
    llm: Any
    vision: Any
    tokenizer: Any
    processor: Any


def assembled(model: Path, encoder: Path) -> Assembled:
    """The LLaVA of a language model's and an encoder's folder; its projector still has no weights."""
    import torch
    import transformers
    from transformers import AutoModelForCausalLM, LlavaForConditionalGeneration

    kind = vision.kind(encoder)
    tokenizer = _tokenizer(model)
    llm: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    llm.resize_token_embeddings(max(len(tokenizer), llm.config.vocab_size), mean_resizing=False)
    eyes = getattr(transformers, kind.model).from_pretrained(encoder, dtype=torch.float32)
    with torch.device("meta"):
        llava = LlavaForConditionalGeneration(_config(llm.config, eyes.config, tokenizer, kind))
    llava.model.language_model, llava.lm_head, llava.model.vision_tower = llm.model, llm.lm_head, eyes
    llava.model.multi_modal_projector.to_empty(device="cpu")
    llava.generation_config = llm.generation_config
    processor = _processor(encoder, tokenizer, eyes.config.patch_size, kind)
    return Assembled(llava.float().eval(), llm, eyes, tokenizer, processor)


def projector(checkpoint: Path) -> dict[str, Any]:
    """The projector's weights in a checkpoint of XTuner's, by its names. Runs no code that the file may bring."""
    from training.checkpoint import tensors

    found = tensors(checkpoint)
    return {name.removeprefix("projector."): found[name].float() for name in found if name.startswith("projector.")}


def put_projector(into: Assembled, weights: Mapping[str, Any]) -> None:
    """Give it the projector's weights, by XTuner's names. Raises ValueError where one has no place."""
    left, projector = dict(weights), into.whole.model.multi_modal_projector
    for place, layer in (("model.0", projector.linear_1), ("model.2", projector.linear_2)):
        layer.load_state_dict({kind: left.pop(f"{place}.{kind}") for kind in ("weight", "bias")})
    if left:
        raise ValueError(f"projector weights without a place: {sorted(left)}")


def merge(model: Path, encoder: Path, parts: Path, folder: Path) -> None:
    """Write the folder, out of what the converter wrote, or of a checkpoint (.pth) of the first stage."""
    made = assembled(model, encoder)
    if parts.is_dir():
        from safetensors.torch import load_file

        for part, adapter in ((made.llm, ADAPTER), (made.vision, ENCODER_ADAPTER)):
            if (parts / adapter).is_dir():
                _add(part, parts / adapter)
        put_projector(made, load_file(parts / PROJECTOR / "model.safetensors"))
    else:
        put_projector(made, projector(parts))
    made.whole.save_pretrained(folder, safe_serialization=True)
    layout.let_others_read(folder)
    made.processor.save_pretrained(folder)


def _add(part: Any, adapter: Path) -> None:
    """LoRA becomes part of the weights, in their place."""
    from peft import PeftModel

    PeftModel.from_pretrained(part, adapter).merge_and_unload()


def _tokenizer(model: Path) -> Any:
    from transformers import AddedToken, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.add_tokens([AddedToken(IMAGE, special=True, normalized=False)], special_tokens=True)
    return tokenizer


def _config(text: Any, vision: Any, tokenizer: Any, kind: Kind) -> Any:
    from transformers import LlavaConfig

    return LlavaConfig(
        text_config=text,
        vision_config=vision,
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),
        image_seq_length=(vision.image_size // vision.patch_size) ** 2 + kind.others - 1,
        vision_feature_layer=LAYER,
        vision_feature_select_strategy="default",
        projector_hidden_act="gelu",
        tie_word_embeddings=text.tie_word_embeddings,
    )


def _processor(encoder: Path, tokenizer: Any, patch: int, kind: Kind) -> Any:
    """The encoder's own, except that a picture is made square by margins, as XTuner trains, and never cut off."""
    import transformers
    from transformers import LlavaProcessor
    from transformers.models.llava.image_processing_llava import LlavaImageProcessor

    known = getattr(transformers, kind.processor).from_pretrained(encoder).to_dict()
    known.pop("image_processor_type", None)
    return LlavaProcessor(
        LlavaImageProcessor(**{"do_center_crop": False, **known, "do_pad": True}),
        tokenizer,
        patch_size=patch,
        vision_feature_select_strategy="default",
        chat_template=TEMPLATE,
        image_token=IMAGE,
        num_additional_image_tokens=kind.others,
    )


if __name__ == "__main__":
    merge(*map(Path, sys.argv[1:]))
