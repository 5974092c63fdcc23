"""Models that arrive from a folder: what is taken, what is refused in a sentence, and that nothing half is left."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.models.tiny import write_talker
from tests.training.models.tiny_internlm2 import write_internlm2
from training import models
from training.__main__ import main
from training.errors import UserError
from training.models import arrival, convert
from training.sentences import LANGUAGES


def refused(folder: Path | str, name: str = "new") -> UserError:
    """Why the model is not added; afterwards HOME/models is as it was."""
    with pytest.raises(UserError) as caught:
        arrival.add(folder, name)
    assert models.names() == ["starter"] and not (Path(os.environ["STUDIO_HOME"]) / "models" / ".adding").exists()
    assert all(caught.value.sentence(language) for language in LANGUAGES)
    return caught.value


def unconvertible(source: Path) -> UserError:
    """Why the folder is not converted; in this process, because each of its own takes seconds to begin."""
    with pytest.raises(UserError) as caught:
        list(convert.convert(source, Path(tempfile.mkdtemp(dir=source.parent))))
    assert all(caught.value.sentence(language) for language in LANGUAGES)
    return caught.value


def rewrite(file: Path, **values: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def test_a_llama_folder_is_taken_by_hard_link_and_without_its_programs(tmp_path: Path, own_home: Path) -> None:
    source = write_talker(tmp_path / "源 {x}")
    (source / "run.py").write_text("raise SystemExit")
    (source / "pytorch_model.bin").write_bytes(b"x")
    told: list[tuple[str, float]] = []
    path = arrival.add(source, " my  model ", lambda *stage: told.append(stage))
    assert path == models.folder("my model") == own_home / "models" / "my model"
    assert (path / "model.safetensors").samefile(source / "model.safetensors")
    assert not (path / "config.json").samefile(source / "config.json")
    assert not list(path.glob("*.py")) and not list(path.glob("*.bin"))
    assert told == [("wait", 0.0), ("copy", 1.0)]


def test_a_model_with_eyes_brings_what_it_needs_to_look(tmp_path: Path) -> None:
    source = write_talker(tmp_path / "source")
    rewrite(source / "config.json", architectures=[arrival.SEEING], model_type="llava")
    for file in ("preprocessor_config.json", "processor_config.json", "chat_template.jinja"):
        (source / file).write_text("{}")
    path = arrival.add(source, "seeing")
    assert {"preprocessor_config.json", "processor_config.json", "chat_template.jinja"} <= {
        f.name for f in path.iterdir()
    }
    assert models.has_eyes(path) and "seeing" in models.names() and "seeing" not in models.trainable()


def test_where_there_are_no_links_the_weights_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_talker(tmp_path / "source")
    rewrite(source / "config.json", architectures=["Qwen2ForCausalLM"])

    def no_links(*_: object) -> None:
        raise OSError("another disk")

    monkeypatch.setattr(os, "link", no_links)
    told: list[tuple[str, float]] = []
    path = arrival.add(source, "qwen", lambda *stage: told.append(stage))
    assert (path / "model.safetensors").read_bytes() == (source / "model.safetensors").read_bytes()
    assert not (path / "model.safetensors").samefile(source / "model.safetensors") and told[-1] == ("copy", 1.0)


def test_what_a_hub_cache_links_to_by_name_is_taken_itself(tmp_path: Path) -> None:
    source = write_talker(tmp_path / "snapshot")
    blob = tmp_path / "blob"
    (source / "model.safetensors").rename(blob)
    (source / "model.safetensors").symlink_to(blob)
    path = arrival.add(source, "cached")
    assert not (path / "model.safetensors").is_symlink() and (path / "model.safetensors").samefile(blob)


def test_a_relative_path_is_a_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_talker(tmp_path / "here")
    monkeypatch.chdir(tmp_path)
    assert arrival.add("here", "there").is_dir()


@pytest.mark.parametrize("name", ["", ".", "../x", "a/b", ".hidden", "x" * 65, "a\0"])
def test_a_name_that_is_no_folder_name_is_refused(tmp_path: Path, name: str) -> None:
    assert refused(write_talker(tmp_path / "source"), name).code == "model_name_bad"


def test_a_name_that_is_taken_is_refused_and_what_has_it_stays(tmp_path: Path, own_home: Path) -> None:
    source = write_talker(tmp_path / "source")
    assert {refused(source, name).code for name in arrival.RESERVED} == {"model_name_taken"}
    (own_home / "models" / "mine").mkdir()
    (own_home / "models" / "mine" / "note").write_text("kept")
    assert refused(source, "mine").code == "model_name_taken"
    assert (own_home / "models" / "mine" / "note").read_text() == "kept"


@pytest.mark.parametrize("path", ["", "/no/where", "nobody/here"])
def test_a_folder_that_is_not_there_is_a_sentence(path: str) -> None:
    assert refused(path).code == "model_folder_missing"


def test_a_model_that_needs_its_own_program_is_refused_by_the_programs_name(tmp_path: Path) -> None:
    source = write_talker(tmp_path / "source")
    own = {"AutoModelForCausalLM": "modeling_minicpm.MiniCPMForCausalLM"}
    rewrite(source / "config.json", architectures=["MiniCPMForCausalLM"], auto_map=own)
    error = refused(source)
    assert error.code == "model_needs_its_own_code"
    assert "modeling_minicpm.py" in error.sentence("zh") and "MiniCPMForCausalLM" in error.sentence("en")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"architectures": ["BertModel"]}, "model_class_unknown"),
        ({"architectures": None}, "model_class_unknown"),
        ({"quantization_config": {"quant_method": "gptq"}}, "model_quantised"),
    ],
)
def test_a_model_of_another_kind_is_refused(tmp_path: Path, values: dict[str, Any], code: str) -> None:
    source = write_talker(tmp_path / "source")
    rewrite(source / "config.json", **values)
    assert refused(source).code == code


@pytest.mark.parametrize("write", [write_talker, write_internlm2])
def test_a_model_without_a_chat_template_is_refused(tmp_path: Path, write: Any) -> None:
    source = write(tmp_path / "source")
    rewrite(source / "tokenizer_config.json", chat_template=None)
    assert refused(source).code == "model_without_chat_template"
    (source / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    assert arrival.add(source, "new").is_dir()


class Evil:
    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/never-written-by-a-model",)


def test_a_pickle_that_calls_something_is_refused_and_does_not_call_it(tmp_path: Path) -> None:
    source = write_internlm2(tmp_path / "source", "bin")
    table = torch.load(source / "pytorch_model.bin", weights_only=True)
    torch.save({**table, "evil": Evil()}, source / "pytorch_model.bin")
    assert refused(source).code == "model_pickle_has_code"
    assert not Path("/tmp/never-written-by-a-model").exists()


def test_a_llama_with_nothing_but_a_pickle_is_refused(tmp_path: Path) -> None:
    source = write_talker(tmp_path / "source")
    (source / "model.safetensors").rename(source / "pytorch_model.bin")
    assert refused(source).code == "model_only_pickle"


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
@pytest.mark.parametrize("damage", ["half", "missing", "noise"])
def test_half_a_shard_is_refused_by_its_name(tmp_path: Path, kind: str, damage: str) -> None:
    source = write_internlm2(tmp_path / "source", kind, 2)
    shard = sorted(source.glob(f"*-00002-of-00002.{kind}"))[0]
    if damage == "missing":
        shard.unlink()
    else:
        data = shard.read_bytes()
        shard.write_bytes(data[: len(data) // 2] if damage == "half" else b"version https://git-lfs\noid sha256:1\n")
    error = unconvertible(source)
    assert error.code == "model_incomplete" and shard.name in error.sentence("zh")


@pytest.mark.parametrize(
    ("values", "what"),
    [
        ({"num_key_value_heads": 2}, "wqkv"),
        ({"num_key_value_heads": 3}, "num_attention_heads"),
        ({"bias": True}, "bias"),
        ({"num_hidden_layers": 3}, "model.layers.2"),
        ({"num_hidden_layers": 1}, "model.layers.1"),
        ({"hidden_size": "big"}, "big"),
        ({"vocab_size": 100}, "vocab_size"),
    ],
)
def test_weights_that_are_not_internlm2s_are_refused_by_what_differs(
    tmp_path: Path, values: dict[str, Any], what: str
) -> None:
    error = unconvertible(write_internlm2(tmp_path / "source", **values))
    assert error.code in ("internlm2_layout", "internlm2_tokenizer") and what in error.sentence("zh")


@pytest.mark.parametrize("damage", ["half", "llama", "names"])
def test_a_tokenizer_that_would_misread_is_refused(tmp_path: Path, damage: str) -> None:
    source = write_internlm2(tmp_path / "source")
    file = source / "tokenizer.model"
    if damage == "half":
        file.write_bytes(file.read_bytes()[:5000])
    elif damage == "llama":
        file.write_bytes(b"\n\x0c\n\x05<unk>\x15\0\0\0\0\x12\x00")
    else:
        told = json.loads((source / "tokenizer_config.json").read_text())["added_tokens_decoder"]
        rewrite(source / "tokenizer_config.json", added_tokens_decoder={**told, "99999": {"content": "<|far|>"}})
    assert unconvertible(source).code == ("model_incomplete" if damage == "half" else "internlm2_tokenizer")


def test_too_little_space_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    source = write_internlm2(tmp_path / "source")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 1000, 1000))
    monkeypatch.setattr(subprocess, "Popen", lambda *_: pytest.fail("it was begun"))
    assert refused(source).code == "model_no_space"


def test_what_a_killed_addition_left_behind_goes_with_the_next(tmp_path: Path, own_home: Path) -> None:
    (own_home / "models" / ".adding" / "model").mkdir(parents=True)
    assert arrival.add(write_talker(tmp_path / "source"), "new").is_dir()
    assert not (own_home / "models" / ".adding").exists()


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    code = main([*arguments])
    out, err = capsys.readouterr()
    return code, json.loads(out.splitlines()[-1]), err


def test_the_command_line_adds_and_lists(
    tmp_path: Path, own_home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = str(write_internlm2(tmp_path / "source"))
    code, told, _ = said(capsys, "models", "add", source, "--name", "internlm2-chat-1_8b", "--json")
    assert code == 0 and told["architecture"] == "LlamaForCausalLM" and Path(told["path"]).is_dir()
    code, told, err = said(capsys, "models", "add", source, "--name", "internlm2-chat-1_8b", "--json")
    assert (code, told["error"]) == (1, "model_name_taken") and err.count("\n") == 1
    for line in (["models", "--json"], ["models", "list", "--json"], ["models", "--json", "list"]):
        code, told, _ = said(capsys, *line)
        assert code == 0 and told["models"] == ["starter", "internlm2-chat-1_8b"]
        here = {entry["name"]: entry["here"] for entry in told["catalogue"]}
        assert here["internlm2-chat-1_8b"] and not here["Qwen2.5-0.5B-Instruct"] and len(here) == 5
    monkeypatch.delenv("STUDIO_HOME")
    for line in (["models", "list", "--home", str(own_home), "--json"], ["models", "--home", str(own_home), "--json"]):
        assert said(capsys, *line)[1]["models"] == ["starter", "internlm2-chat-1_8b"]
