"""From an InternLM2 folder to a plain Llama one: `python -m training.models.convert SOURCE TARGET`.

Runs in a child process and tells as converting.py does. No program that lies in the folder is run or copied.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.errors import UserError
from training.files import read_json, write_json
from training.models import converting, internlm2, internlm2_tokenizer, internlm2_weights, layout

_ABOUT = ("README.md", "LICENSE", "LICENSE.txt", "NOTICE")


def convert(source: Path, target: Path) -> Iterator[float]:
    """Write the Llama folder `target`, which has to be there and empty; yields how far it is.

    Raises UserError(internlm2_layout, internlm2_tokenizer, internlm2_not_equal, model_incomplete,
    model_pickle_has_code) or OSError.
    """
    config, told = layout.table(source, "config.json"), layout.table(source, "tokenizer_config.json")
    told = {**told, "chat_template": layout.chat_template(source)}
    sizes = internlm2.geometry(source, config)
    context = int(config.get("max_position_embeddings") or 2048)
    tokenizer = internlm2_tokenizer.write(source, target, told, sizes.vocabulary, context)
    yield 0.05
    for share in internlm2_weights.convert(source, target, sizes):
        yield 0.05 + 0.94 * share
    llama = internlm2.config_for_llama(config)
    write_json(target / "config.json", llama)
    # What the source says of its dtype is not always so, and from_pretrained(torch_dtype="auto") believes it.
    write_json(target / "config.json", {**llama, "torch_dtype": layout.describe(target).dtype})
    ends = [llama["eos_token_id"], tokenizer.token_to_id("<|im_end|>")]
    write_json(target / "generation_config.json", _generation(source, llama, ends))
    for name in _ABOUT:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
    yield 1.0


def _generation(source: Path, llama: dict[str, Any], ends: list[Any]) -> dict[str, Any]:
    """The source's generation config, in which an answer also ends where a turn does."""
    try:
        said = read_json(source / "generation_config.json")
    except FileNotFoundError:
        said = {}
    except (OSError, ValueError) as error:
        raise UserError("model_incomplete", path=source, missing="generation_config.json") from error
    found = {end for each in (said.get("eos_token_id"), *ends) for end in (each if isinstance(each, list) else [each])}
    marks = {"bos_token_id": llama["bos_token_id"], "pad_token_id": llama["pad_token_id"]}
    return {**marks, **said, "eos_token_id": sorted(end for end in found if end is not None)}


if __name__ == "__main__":
    sys.exit(converting.tell(convert, *map(Path, sys.argv[1:])))
