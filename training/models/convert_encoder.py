"""From a CLIP or SigLIP folder to its part that sees: `python -m training.models.convert_encoder SOURCE TARGET`.

Runs in a child process and tells as converting.py does. The text part and its vocabulary stay behind, and weights that
are published as .bin, as those of openai/clip-vit-large-patch14-336, become safetensors.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file

from training.errors import UserError
from training.files import write_json
from training.models import converting, layout, vision
from training.models.shards import opened, weight_files

_PART = "vision_model."
_ABOUT = ("preprocessor_config.json", "README.md", "LICENSE", "LICENSE.txt", "NOTICE")


def convert(source: Path, target: Path) -> Iterator[float]:
    """Write the encoder's folder `target`, which has to be there and empty; yields how far it is.

    Raises UserError(encoder_kind, encoder_weights, model_incomplete, model_pickle_has_code) or OSError.
    """
    config, kind = layout.table(source, "config.json"), vision.kind(source)
    seeing = config.get("vision_config", config)
    if not isinstance(seeing, dict):
        raise UserError("model_incomplete", path=source, missing="config.json")
    kept: dict[str, torch.Tensor] = {}
    for shard in weight_files(source):
        with opened(shard) as (shapes, read):
            # .bin files of old carry the numbers of the positions along, which are no weights
            names = [name for name in shapes if name.startswith(_PART) and not name.endswith(".position_ids")]
            kept |= {name: read(name).contiguous().clone() for name in names}
    if not kept:
        raise UserError("encoder_weights", path=source, what=f"{_PART}*")
    yield 0.3
    name = {"architectures": [kind.model], "model_type": kind.config}
    write_json(target / "config.json", {"torch_dtype": config.get("torch_dtype"), **seeing, **name})
    for file in _ABOUT:
        if (source / file).is_file():
            shutil.copyfile(source / file, target / file)
    save_file(kept, target / layout.SINGLE, {"format": "pt"})
    layout.let_others_read(target)
    with (target / layout.SINGLE).open("rb+") as written:
        os.fsync(written.fileno())
    yield 0.8
    _check(source, target, kind)
    yield 1.0


def _check(source: Path, target: Path, kind: vision.Kind) -> None:
    """transformers finds every weight that it needs there, and no other. Raises UserError(encoder_weights)."""
    import transformers

    model = getattr(transformers, kind.model)
    _, told = model.from_pretrained(target, output_loading_info=True)
    wrong = [*told["missing_keys"], *told["unexpected_keys"], *told["mismatched_keys"]]
    if wrong:
        raise UserError("encoder_weights", path=source, what=", ".join(map(str, sorted(wrong)[:3])))


if __name__ == "__main__":
    sys.exit(converting.tell(convert, *map(Path, sys.argv[1:])))
