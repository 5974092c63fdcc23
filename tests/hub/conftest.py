"""Every hub that can be pulled from, on 127.0.0.1, with one model on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import pulling
from tests.hub.servers import GitHub, Hub, HuggingFace, ModelScope, publish, serving

KINDS = {
    "openxlab": (GitHub, "OPENXLAB_GIT_BASE"),
    "hf": (HuggingFace, "HF_ENDPOINT"),
    "modelscope": (ModelScope, "MODELSCOPE_ENDPOINT"),
}


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No token and no git settings of the machine's; no waiting between two tries."""
    for name in ("OPENXLAB_TOKEN", "OPENXLAB_USER", "HF_TOKEN", "MODELSCOPE_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(pulling, "PAUSE", 0.01)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder with one weight file of 1.6 MB, and what a repo has besides."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    (folder / "tokenizer_config.json").write_text('{"chat_template": "x"}')
    (folder / "tokenizer.json").write_text("{}")
    (folder / "README.md").write_text("# 模型")
    weights(folder / "model.safetensors", 819_250)  # 40 % of it are 10 blocks of 64 kB and a little
    (folder / "pytorch_model.bin").write_bytes(b"pickle" * 3000)
    (folder / "modeling_evil.py").write_text("raise SystemExit")
    return folder


def weights(path: Path, numbers: int) -> None:
    """A safetensors file with something in it."""
    header = b'{"a.weight": {"dtype": "BF16", "shape": [%d], "data_offsets": [0, %d]}}' % (numbers, 2 * numbers)
    body = (bytes(range(251)) * (2 * numbers // 251 + 1))[: 2 * numbers]
    path.write_bytes(len(header).to_bytes(8, "little") + header + body)


@pytest.fixture(params=KINDS)
def hub(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path) -> Iterator[Hub]:
    """One after another: each kind of hub, with the model on it as user/model."""
    yield from offered(request.param, tmp_path, monkeypatch, model)


@pytest.fixture
def git_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path) -> Iterator[Hub]:
    """The git and git-lfs server, with the model on it."""
    yield from offered("openxlab", tmp_path, monkeypatch, model)


def offered(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: Path) -> Iterator[Hub]:
    handler, variable = KINDS[kind]
    hub = Hub(tmp_path / "server")
    hub.kind = kind  # type: ignore[attr-defined]
    with serving(hub, handler):
        monkeypatch.setenv(variable, hub.url)
        put(hub, "user/model", model)
        yield hub


def put(hub: Hub, repo: str, model: Path) -> None:
    """Make the folder a repo of that hub."""
    if hub.kind == "openxlab":  # type: ignore[attr-defined]
        publish(hub, repo, model)
    else:
        hub.objects |= {f"{repo}/{file.name}": file.read_bytes() for file in model.iterdir()}
