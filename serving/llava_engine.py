"""A model with eyes, answered by transformers. Runs only inside the worker process.

What the encoder sees in a picture is worked out once and kept, so that the second question about it costs text only.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

from serving.engine import Message
from serving.transformers_engine import TransformersEngine
from training.errors import UserError
from training.eyes import pictures, sight
from training.models import chat_template

_REMEMBERED = 32
"""Pictures whose sight is kept, of all talks; one takes 0.15 MB with the starter's eyes, 5 MB with large ones."""


class LlavaEngine(TransformersEngine):
    """Loads the folder at once. Raises like TransformersEngine, and for pictures as pictures.look."""

    def _load(self, folder: Path) -> None:
        self._choose_device(folder)
        if self.precision == "float16":
            self.precision = "float32"  # which the starter's eyes do not bear
        self._model, report, self._processor = sight.load(folder, self.precision, self.device)
        self._check_whole(folder, report)
        self._ends = chat_template.ends(self._model.generation_config.eos_token_id, self._tokenizer)
        config = self._model.config
        self._context = int(getattr(config.text_config, "max_position_embeddings", 2048))
        self._mark, self._patches = config.image_token_id, config.image_seq_length
        self._seen: OrderedDict[str, Any] = OrderedDict()

    def _check(self, messages: list[Message]) -> None:
        pass

    def _encode(self, messages: list[Message]) -> list[int]:
        [tokens] = self._processor(text=sight.prompt(self._processor, messages))["input_ids"]
        return [each for token in tokens for each in [token] * (self._patches if token == self._mark else 1)]

    def _read(self, prompt: list[int], kept: list[Message]) -> dict[str, Any]:
        with self._torch.inference_mode():
            ids = self._torch.tensor([prompt], device=self.device)
            known = self._model.get_input_embeddings()(ids)
            shown = [picture for message in kept for picture in message.get("images", ())]
            if shown:
                sights = self._torch.cat([self._sight(picture) for picture in shown])
                known = known.masked_scatter((ids == self._mark).unsqueeze(-1), sights.to(known.dtype))
            return {"inputs_embeds": known}

    def _sight(self, picture: str) -> Any:
        """What the encoder and the projector make of the picture: [patches, width]."""
        found = self._seen.pop(picture, None)
        if found is None:
            if not Path(picture).is_file():
                raise UserError("picture_gone")
            looked = self._processor.image_processor(pictures.look(Path(picture)), return_tensors="pt")
            pixels = looked["pixel_values"].to(self.device, self._model.dtype)
            [found] = self._model.get_image_features(pixel_values=pixels)
        self._seen[picture] = found
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return found
