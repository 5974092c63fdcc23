"""A model folder answered by CTranslate2 in 8-bit integers: for a page on a CPU that many visit.

Less memory and more tokens a second than transformers (tests/bench/engines.py measures both); the answers are not
always the same, and a seed is not obeyed: the library's dice cannot be set once its threads run. The folder is
converted once. Runs only inside the worker process.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil

from serving.engine import Message, Sampling
from serving.transformers_engine import TransformersEngine
from training.files import read_json, replace_folder
from training.home import ROOT, home
from training.models import chat_template

_KEPT = 3
"""Converted models that stay for the next time, the newest ones."""


class Int8Engine(TransformersEngine):
    """Loads the folder at once, converting it first when it is new. Raises like TransformersEngine."""

    def _load(self, folder: Path) -> None:
        import ctranslate2
        from transformers import AutoConfig, GenerationConfig

        config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        known = (folder / "generation_config.json").is_file()
        ends = (GenerationConfig.from_pretrained(folder, local_files_only=True) if known else config).eos_token_id
        self._model: Any = ctranslate2.Generator(
            str(converted(folder)),
            device="cpu",
            compute_type="int8",
            intra_threads=psutil.cpu_count(logical=False) or 1,
        )
        self._ends = chat_template.ends(ends, self._tokenizer)
        self._context = int(getattr(config, "max_position_embeddings", 2048))

    def _tokens(self, prompt: list[int], _kept: list[Message], sampling: Sampling, limit: int) -> Iterator[int | None]:
        greedy = sampling.temperature < 1e-4
        written = self._model.generate_tokens(
            self._tokenizer.convert_ids_to_tokens(prompt),
            max_length=limit,
            sampling_topk=1 if greedy else 0,
            sampling_topp=1.0 if greedy else sampling.top_p,
            sampling_temperature=1.0 if greedy else sampling.temperature,
            repetition_penalty=sampling.repetition_penalty,
            end_token=self._ends,
        )
        yield None
        with closing(written):
            for token in written:
                if token.token_id in self._ends:
                    return
                yield token.token_id


def converted(folder: Path) -> Path:
    """The folder in CTranslate2's format, in HOME/cache; made when it is new.

    Raises ValueError with the library's words for a kind of model that it does not know.
    """
    stat = (folder / "config.json").stat()  # another model in its place is another file
    place = home() / "cache" / "int8" / f"{folder.name}-{stat.st_ino}-{stat.st_mtime_ns}"
    if place.is_dir():
        return place
    half = place.with_name(f".{place.name}.part")
    half.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(half, ignore_errors=True)
    # In a process of its own: the memory it takes is free again before anybody chats.
    command = [sys.executable, "-m", "serving.int8_engine", str(folder), str(half)]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"CTranslate2 takes no {folder.name}: {done.stderr.strip()[-300:]}")
    replace_folder(half, place)
    for old in sorted(place.parent.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)[_KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    return place


def convert(folder: Path, made: Path) -> None:
    """Write `folder` as `made` in 8-bit integers."""
    from ctranslate2.converters import TransformersConverter

    TransformersConverter(str(folder), low_cpu_mem_usage=True).convert(str(made), quantization="int8")
    _complete(made / "config.json")


def _complete(config: Path) -> None:
    # The library writes null for a token that a model does not have, and then refuses to read it.
    told = read_json(config)
    for name in ("bos_token", "unk_token"):
        told[name] = told.get(name) or told["eos_token"]
    config.write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
