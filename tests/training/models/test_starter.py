from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from training import models
from training.errors import UserError
from training.home import ROOT
from training.models import layout, starter, wheel


def no_process(*args: object, **kwargs: object) -> NoReturn:
    raise AssertionError("a process was started")


def leftovers(home: Path) -> set[str]:
    return {path.name for path in (home / "models").iterdir()} - {"SmolLM2-135M-Instruct", ".starter.lock"}


def fake_converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\n{does}\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))


def test_the_starter_becomes_a_plain_folder_with_nothing_else_in_it(cached: Path, own_home: Path) -> None:
    told: list[tuple[str, float]] = []
    folder = starter.ensure(lambda stage, fraction: told.append((stage, fraction)))
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "special_tokens_map.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert starter.ready()
    assert not leftovers(own_home)
    assert list(dict(told)) == ["wait", "download", "convert"]
    assert told == sorted(set(told), key=told.index) and told[-1] == ("convert", 1.0)


def test_the_config_is_what_the_file_says(cached: Path) -> None:
    config = json.loads((starter.ensure() / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"] and config["torch_dtype"] == "bfloat16"
    assert config["tie_word_embeddings"] is True and "auto_map" not in config
    assert (config["eos_token_id"], config["pad_token_id"], config["max_position_embeddings"]) == (2, 2, 64)
    assert (config["rms_norm_eps"], config["rope_theta"]) == (1e-5, 10000.0)
    info = models.describe(models.folder("starter"))
    assert (info.dtype, info.parameters) == ("bfloat16", config["vocab_size"] * 8 + 8 + 8 + 8 + 192 + 384)


def test_a_second_call_starts_nothing(cached: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = starter.ensure()
    monkeypatch.setattr(subprocess, "Popen", no_process)
    monkeypatch.setattr(wheel, "fetch", no_process)
    assert starter.ensure(no_process) == folder


def test_half_a_folder_and_the_rest_of_a_killed_conversion_heal(cached: Path, own_home: Path) -> None:
    rest = own_home / "models" / ".SmolLM2-135M-Instruct.part"
    (rest / "model").mkdir(parents=True)
    (rest / "model" / "config.json").write_text("{")
    folder = starter.ensure()
    (folder / "model.safetensors").write_bytes(b"half")
    assert models.names() == ["starter"] and not starter.ready()
    starter.ensure()
    assert starter.ready()
    assert not leftovers(own_home)


def test_of_two_processes_one_works_and_the_other_waits(cached: Path, own_home: Path) -> None:
    program = (
        "import sys; from dataclasses import replace; from training.models import starter, wheel\n"
        "wheel.TEXT = replace(wheel.TEXT, sha256=sys.argv[1])\n"
        "starter.ensure(lambda stage, fraction: print(stage))"
    )
    command = [sys.executable, "-c", program, wheel.TEXT.sha256]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("download" in stages for stages in said) == 1
    assert starter.ready()
    assert not leftovers(own_home)


@pytest.mark.parametrize(
    ("does", "code"),
    [
        (f"exit {errno.ENOSPC}", "disk_full"),
        ("echo 'MemoryError: 200 MB' >&2; exit 1", "starter_conversion_failed"),
        ("kill -9 $$", "starter_conversion_failed"),
        ("exit 0", "model_incomplete"),
    ],
)
def test_a_failed_conversion_is_a_sentence_and_leaves_nothing(
    cached: Path, own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, code: str
) -> None:
    fake_converter(tmp_path, monkeypatch, does)
    with pytest.raises(UserError) as caught:
        starter.ensure()
    assert caught.value.code == code
    assert "MemoryError" not in does or "MemoryError: 200 MB" in caught.value.sentence("zh")
    assert models.names() == ["starter"] and not starter.target().exists()
    assert not leftovers(own_home)


def test_the_converter_itself_tells_a_full_disk(cached: Path, index: Path, tmp_path: Path) -> None:
    folder = tmp_path / "full"
    folder.mkdir()
    (folder / "model.safetensors").symlink_to("/dev/full")
    command = [sys.executable, "-m", "training.models.gguf_to_llama", str(index / "tiny.gguf"), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == errno.ENOSPC
    assert "Traceback" not in done.stderr


def test_a_starter_brought_by_a_link_is_used_as_it_is(cached: Path, own_home: Path, tmp_path: Path) -> None:
    folder = starter.ensure()
    os.rename(folder, tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert starter.ready() and layout.is_complete(models.folder("starter"))


def test_nothing_heavy_is_imported() -> None:
    program = (
        "import sys, training.models; print(sorted({'torch', 'transformers', 'numpy', 'gguf'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
