"""A base model arrives: a folder anywhere becomes a whole folder in HOME/models, or nothing does.

Llama- and Qwen2-class models are taken as they are (weights by hard link where that is possible), InternLM2 is
converted in a child process, and of a CLIP or SigLIP model the part that sees is kept. Program files are never taken
along, and no program of a model is ever run.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from hub import selection
from training.errors import UserError
from training.files import writing_failed
from training.home import models_dir
from training.models import chat_template, converting, layout, vision, wheel

Progress = Callable[[str, float], None]

PLAIN = ("LlamaForCausalLM", "Qwen2ForCausalLM")
"""What transformers and XTuner know by themselves."""
SEEING = "LlavaForConditionalGeneration"
"""What a run with pictures makes: to chat with, not to train."""
CONVERTED = "InternLM2ForCausalLM"
ENCODER = "vision encoder"
_CONVERTERS = {CONVERTED: "training.models.convert", ENCODER: "training.models.convert_encoder"}
RESERVED = ("starter", "SmolLM2-135M-Instruct")
_NAME = re.compile(r"[\w][\w.\- ]{0,63}")
_BLOCK = 8 << 20
_HEADROOM = 64 << 20
"""Bytes for the small files, and so that a disk is not filled to its last block."""


def add(folder: str | Path, name: str, progress: Progress | None = None) -> Path:
    """Make the model in `folder` the base model `name`; one after another, when several are asked for.

    `progress` is told a stage ("wait", "copy", "convert") and how far that stage is, from 0 to 1.
    Raises UserError: model_name_bad, model_name_taken, model_folder_missing, model_class_unknown,
    model_needs_its_own_code, model_quantised, model_without_chat_template, model_incomplete, model_only_pickle,
    model_pickle_has_code, model_no_space, encoder_weights, internlm2_layout, internlm2_tokenizer, internlm2_not_equal,
    model_conversion_failed, disk_full, not_writable.
    """
    tell = progress or (lambda stage, share: None)
    target = models_dir() / checked_name(name)
    source = Path(folder).expanduser().absolute()
    if not str(folder).strip() or not source.is_dir():
        raise UserError("model_folder_missing", path=folder)
    kind = recognise(source)
    tell("wait", 0.0)
    with wheel.locked(models_dir() / ".adding.lock") as lock:
        _check_free(target)
        part = models_dir() / ".adding"  # one name, held by the lock: what a killed one left behind goes now
        shutil.rmtree(part, ignore_errors=True)
        try:
            part.mkdir()
            if kind in _CONVERTERS:
                _convert(_CONVERTERS[kind], source, part, lambda share: tell("convert", share), lock)
            else:
                _copy(source, part / "model", lambda share: tell("copy", share))
                if kind in PLAIN:
                    chat_template.make_plain(part / "model")
            (layout.check_encoder if kind == ENCODER else layout.check)(part / "model")
            _check_free(target)
            (part / "model").rename(target)
        except OSError as error:
            raise writing_failed(error, target) from error
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return target


def checked_name(name: str) -> str:
    """The name as a folder may carry it. Raises UserError(model_name_bad, model_name_taken)."""
    name = " ".join(name.split())
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise UserError("model_name_bad", name=name)
    if name in RESERVED:
        raise UserError("model_name_taken", name=name)
    _check_free(models_dir() / name)
    return name


def _check_free(target: Path) -> None:
    if os.path.lexists(target):
        raise UserError("model_name_taken", name=target.name)


def recognise(source: Path) -> str:
    """The class of a model that can be added. Raises UserError with the reason why it cannot."""
    architecture = promised(source)
    if architecture not in _CONVERTERS:
        layout.check(source)
    return architecture


def promised(source: Path, weights: Sequence[str] = ()) -> str:
    """Like recognise(), of a folder that may still lack its weights; `weights` are the names they will have."""
    config = layout.table(source, "config.json")
    if vision.is_one(config):
        layout.table(source, "preprocessor_config.json")
        return ENCODER
    tokenizer = layout.table(source, "tokenizer_config.json")
    architecture = str(next(iter(config.get("architectures") or ["?"])))
    own = {**(tokenizer.get("auto_map") or {}), **(config.get("auto_map") or {})}
    if architecture != CONVERTED and own:
        raise UserError(
            "model_needs_its_own_code", path=source, architecture=architecture, programs=_programs(own.values())
        )
    if architecture not in (*PLAIN, SEEING, CONVERTED):
        raise UserError("model_class_unknown", path=source, architecture=architecture)
    if config.get("quantization_config"):
        raise UserError("model_quantised", path=source)
    layout.chat_template(source)
    if architecture != CONVERTED and any(name.endswith(".bin") for name in weights):
        raise UserError("model_only_pickle", path=source)
    return architecture


def _programs(entries: Iterable[Any]) -> str:
    """The program files that an auto_map names: "modeling_x.XForCausalLM" lies in modeling_x.py."""
    named = [each for entry in entries for each in (entry if isinstance(entry, list) else [entry]) if each]
    return ", ".join(sorted({f"{str(each).rpartition('--')[2].partition('.')[0]}.py" for each in named}))


def _copy(source: Path, target: Path, tell: Callable[[float], None]) -> None:
    target.mkdir()
    for name in selection.SMALL:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
    files = layout.weight_files(source)
    total = sum((source / name).stat().st_size for name in files)
    done = 0
    for number, name in enumerate(files):
        if _linked(source / name, target / name):
            tell((number + 1) / len(files))
            continue
        _check_space(target, total - done)
        with (source / name).open("rb") as read, (target / name).open("wb") as write:
            while block := read.read(_BLOCK):
                done += write.write(block)
                tell(min(1.0, done / total))
            write.flush()
            os.fsync(write.fileno())


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source.resolve(), target)  # resolved: hubs keep the weights elsewhere and link to them by name
    except OSError:
        return False  # another disk, or one without links
    return True


def _check_space(place: Path, needed: int) -> None:
    free = shutil.disk_usage(place).free
    if free < needed + _HEADROOM:
        raise UserError("model_no_space", path=models_dir(), needed=_gigabytes(needed), free=_gigabytes(free))


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _convert(module: str, source: Path, part: Path, tell: Callable[[float], None], lock: int) -> None:
    weights = [*source.glob("*.safetensors")] or [*source.glob("*.bin")]
    _check_space(part, sum(each.stat().st_size for each in weights))
    tell(0.0)
    refused: dict[str, Any] = {}

    def said(line: str) -> None:
        if line.startswith("{"):
            refused.update(json.loads(line))
        else:
            tell(float(line))

    reason = converting.convert(module, source, part, lock, said)
    if refused:
        raise UserError(refused["error"], **refused["details"])
    if reason:
        raise UserError("model_conversion_failed", path=source, reason=reason)
