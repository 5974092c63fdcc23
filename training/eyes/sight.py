"""A model with eyes: how the chat loads it, and how a talk with pictures reaches it, the same in the exam and the chat.

Plain transformers. A picture stands before the text of the turn that it came with, as in training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def load(folder: Path, precision: str, device: str) -> tuple[Any, dict[str, Any], Any]:
    """The model in `folder`, what of its weights was found, and its processor. `precision`: torch's name of a type."""
    import torch
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    model, report = LlavaForConditionalGeneration.from_pretrained(
        folder,
        dtype=getattr(torch, precision),
        trust_remote_code=False,
        local_files_only=True,
        output_loading_info=True,
    )
    processor = AutoProcessor.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    return model.eval().to(device), report, processor


def prompt(processor: Any, messages: Sequence[Mapping[str, Any]]) -> str:
    """The talk as text, up to where the model goes on; one mark of the processor's for each of a message's "images"."""
    told = [
        {
            "role": message["role"],
            "content": [{"type": "image"} for _ in message.get("images", ())]
            + [{"type": "text", "text": message["content"]}],
        }
        for message in messages
    ]
    return processor.apply_chat_template(told, add_generation_prompt=True)
