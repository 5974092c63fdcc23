"""From what XTuner's converter wrote to ONE folder that plain transformers loads as LlavaForConditionalGeneration:
`python -m training.eyes.llava_merge MODEL ENCODER PARTS FOLDER`.

XTuner's own way there (--save-format huggingface) fails with transformers 4.57, and leaves out an encoder that was not
trained. Here nothing is renamed by hand: every part is loaded into its place, and a weight that has none is an error.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ADAPTER, PROJECTOR = "llm_adapter", "projector"
"""What the converter's folder holds; the adapter only when there is LoRA."""
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


def merge(model: Path, encoder: Path, parts: Path, folder: Path) -> None:
    """Write the folder, in float32: the starter's eyes do not bear float16."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, CLIPVisionModel, LlavaForConditionalGeneration

    tokenizer = _tokenizer(model)
    llm: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    if (parts / ADAPTER).is_dir():
        from peft import PeftModel

        llm = PeftModel.from_pretrained(llm, parts / ADAPTER).merge_and_unload()
    llm.resize_token_embeddings(max(len(tokenizer), llm.config.vocab_size), mean_resizing=False)
    vision = CLIPVisionModel.from_pretrained(encoder, dtype=torch.float32)
    projector = load_file(parts / PROJECTOR / "model.safetensors")

    llava = LlavaForConditionalGeneration(_config(llm.config, vision.config, tokenizer)).eval()
    llava.model.language_model.load_state_dict(llm.model.state_dict())
    llava.lm_head.load_state_dict(llm.lm_head.state_dict())
    llava.model.vision_tower.load_state_dict(vision.state_dict())
    first, second = llava.model.multi_modal_projector.linear_1, llava.model.multi_modal_projector.linear_2
    for place, layer in (("model.0", first), ("model.2", second)):
        layer.load_state_dict({kind: projector.pop(f"{place}.{kind}") for kind in ("weight", "bias")})
    if projector:
        raise ValueError(f"projector weights without a place: {sorted(projector)}")
    llava.generation_config = llm.generation_config
    llava.save_pretrained(folder, safe_serialization=True)
    _processor(encoder, tokenizer, vision.config.patch_size).save_pretrained(folder)


def _tokenizer(model: Path) -> Any:
    from transformers import AddedToken, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.add_tokens([AddedToken(IMAGE, special=True, normalized=False)], special_tokens=True)
    return tokenizer


def _config(text: Any, vision: Any, tokenizer: Any) -> Any:
    from transformers import LlavaConfig

    return LlavaConfig(
        text_config=text,
        vision_config=vision,
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),
        image_seq_length=(vision.image_size // vision.patch_size) ** 2,
        vision_feature_layer=LAYER,
        vision_feature_select_strategy="default",
        projector_hidden_act="gelu",
        tie_word_embeddings=text.tie_word_embeddings,
    )


def _processor(encoder: Path, tokenizer: Any, patch: int) -> Any:
    """The encoder's own, except that a picture is made square by margins, as XTuner trains, and never cut off."""
    from transformers import CLIPImageProcessor, LlavaProcessor
    from transformers.models.llava.image_processing_llava import LlavaImageProcessor

    known = CLIPImageProcessor.from_pretrained(encoder).to_dict()
    known.pop("image_processor_type", None)
    return LlavaProcessor(
        LlavaImageProcessor(**{**known, "do_pad": True}),
        tokenizer,
        patch_size=patch,
        vision_feature_select_strategy="default",
        chat_template=TEMPLATE,
        image_token=IMAGE,
        num_additional_image_tokens=1,
    )


if __name__ == "__main__":
    merge(*map(Path, sys.argv[1:]))
