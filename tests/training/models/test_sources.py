"""Base models by their source: from a hub through all checks into HOME/models, here and in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hub import pulling
from hub.address import parse
from tests.hub.conftest import KINDS, alone, offered, put
from tests.hub.servers import TOKEN, Hub
from tests.training.conftest import wait_for
from tests.training.models.test_encoders import write_whole
from tests.training.models.tiny import write_talker
from tests.training.models.tiny_internlm2 import write_internlm2
from tests.training.models.tiny_padded import padded
from training import hosted, models
from training.__main__ import main
from training.errors import UserError
from training.eyes import encoders
from training.models import adding, sources
from training.sentences import LANGUAGES

__all__ = ["alone"]


@pytest.fixture
def talker(tmp_path: Path) -> Path:
    """A model that can be added, and a program that may not come along."""
    folder = padded(write_talker(tmp_path / "talker"))
    (folder / "evil.py").write_text("raise SystemExit")
    return folder


@pytest.fixture(params=KINDS)
def hub(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, talker: Path) -> Iterator[Hub]:
    yield from offered(request.param, tmp_path, monkeypatch, talker)


@pytest.fixture
def git_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, talker: Path) -> Iterator[Hub]:
    yield from offered("openxlab", tmp_path, monkeypatch, talker)


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    """No process is left behind."""
    yield
    adding.cancel()


def left(own_home: Path) -> list[str]:
    return sorted(file.name for file in (own_home / "models" / ".fetched").glob("*"))


def refused(source: str, own_home: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        sources.add(source, "new")
    assert models.names() == ["starter"] and left(own_home) == []
    assert all(caught.value.sentence(language) for language in LANGUAGES)
    assert ".fetched" not in caught.value.sentence()
    return caught.value


def test_a_model_from_a_hub_is_in_the_list_and_nothing_else_is_left(hub: Hub, own_home: Path) -> None:
    fetching, stages = [], []
    source = f"{hub.kind}:user/model"  # type: ignore[attr-defined]
    path = sources.add(source, "mine", progress=lambda stage, share: stages.append(stage), fetching=fetching.append)
    assert models.names() == ["starter", "mine"] and path == models.folder("mine")
    assert left(own_home) == [] and not (path / "evil.py").exists()
    assert fetching[-1].total_done == fetching[-1].total and stages == ["wait", "copy"]


@pytest.mark.real
def test_internlm2_from_a_hub_is_converted(git_hub: Hub, tmp_path: Path, own_home: Path) -> None:
    put(git_hub, "user/intern", write_internlm2(tmp_path / "intern"))
    path = sources.add("openxlab:user/intern", "intern")
    assert json.loads((path / "config.json").read_text())["architectures"] == ["LlamaForCausalLM"]
    assert left(own_home) == []


def test_a_clip_from_a_hub_is_an_encoder_whose_weights_are_no_pickle_any_more(
    git_hub: Hub, tmp_path: Path, own_home: Path
) -> None:
    put(git_hub, "openai/clip", write_whole(tmp_path / "clip", "CLIP", safe=False))
    path = sources.add("openxlab:openai/clip", "clip")
    assert encoders.names() == ["starter", "clip"] and models.names() == ["starter"]
    assert left(own_home) == [] and not list(path.glob("*.bin"))


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"architectures": ["MiniCPMForCausalLM"], "auto_map": {"A": "modeling_x.X"}}, "model_needs_its_own_code"),
        ({"architectures": ["GPT2LMHeadModel"]}, "model_class_unknown"),
        ({"quantization_config": {"bits": 4}}, "model_quantised"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_its_weights_are_fetched(
    git_hub: Hub, talker: Path, own_home: Path, config: dict[str, object], code: str
) -> None:
    told = json.loads((talker / "config.json").read_text())
    (talker / "config.json").write_text(json.dumps({**told, **config}))
    put(git_hub, "user/other", talker)
    error = refused("openxlab:user/other", own_home)
    assert error.code == code and "openxlab:user/other" in error.sentence()
    assert not git_hub.served(talker / "model.safetensors")


def test_pickled_weights_of_a_llama_are_refused_before_they_are_fetched(
    git_hub: Hub, talker: Path, own_home: Path
) -> None:
    (talker / "model.safetensors").rename(talker / "pytorch_model.bin")
    put(git_hub, "user/pickle", talker)
    assert refused("openxlab:user/pickle", own_home).code == "model_only_pickle"
    assert not git_hub.served(talker / "pytorch_model.bin")


def test_no_template_is_said_of_the_repo(git_hub: Hub, talker: Path, own_home: Path) -> None:
    (talker / "tokenizer_config.json").write_text("{}")
    put(git_hub, "user/base", talker)
    error = refused("openxlab:user/base", own_home)
    assert error.code == "model_without_chat_template" and "openxlab:user/base" in error.sentence()


def test_a_bad_address_and_a_folder_that_is_not_there_are_told_apart(own_home: Path) -> None:
    assert refused("openxlab:nobody", own_home).code == "hub_address_bad"
    assert refused("/no/where", own_home).code == "model_folder_missing"


@pytest.mark.parametrize(
    "broken_off", [UserError("model_no_space", path="x", needed="1 GB", free="0 GB"), SystemExit("told to end")]
)
def test_what_could_not_be_copied_yet_is_not_fetched_again(
    git_hub: Hub, own_home: Path, monkeypatch: pytest.MonkeyPatch, talker: Path, broken_off: BaseException
) -> None:
    with monkeypatch.context() as patch:

        def no_copy(*_: object) -> None:
            raise broken_off

        patch.setattr("training.models.arrival._copy", no_copy)
        with pytest.raises(type(broken_off)):
            sources.add("openxlab:user/model", "mine")
    git_hub.asked.clear()
    assert sources.add("openxlab:user/model", "mine").is_dir()
    assert git_hub.asked == [] and left(own_home) == []


def test_the_command_adds_from_a_hub_and_from_a_folder(
    hub: Hub, talker: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.private = True
    source = f"{hub.kind}:user/model"  # type: ignore[attr-defined]
    assert main(["models", "add", source, "--name", "mine", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"] == "hub_private"
    for variable in ("OPENXLAB_TOKEN", "HF_TOKEN", "MODELSCOPE_API_TOKEN"):
        monkeypatch.setenv(variable, TOKEN)
    assert main(["models", "add", source, "--name", "mine", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["model"] == "mine" and told["architecture"] == "LlamaForCausalLM"
    assert main(["models", "add", str(talker), "--name", "other", "--json"]) == 0


def waiting(hub: Hub) -> None:
    """Large files stop in the middle; wait until one has."""
    hub.waits = threading.Event()


def in_the_middle(own_home: Path) -> None:
    wait_for(lambda: [*(own_home / "models" / ".fetched").rglob("model.safetensors.half")], 60)


def test_a_model_is_added_by_a_process_that_is_looked_at(git_hub: Hub, own_home: Path) -> None:
    waiting(git_hub)
    assert adding.look() is None
    assert adding.start("openxlab:user/model") == "model"
    in_the_middle(own_home)
    wait_for(lambda: (adding.look() or adding.Look("", "")).told.get("file") == "model.safetensors")
    now = adding.look()
    assert now and now.live and now.told["stage"] == "fetch" and 0 < now.told["share"] < 0.5
    with pytest.raises(UserError, match=r"already \(openxlab:user/model\)"):
        adding.start("openxlab:user/model", "second")
    git_hub.waits.set()  # type: ignore[union-attr]
    wait_for(lambda: not (adding.look() or adding.Look("", "")).live, 60)
    assert (now := adding.look()) and now.done and now.name == "model" and models.folder("model")
    adding.forget()
    assert adding.look() is None


def test_cancelling_leaves_neither_files_nor_processes(git_hub: Hub, own_home: Path) -> None:
    waiting(git_hub)
    adding.start("openxlab:user/model", "mine")
    in_the_middle(own_home)
    adding.cancel()
    git_hub.waits.set()  # type: ignore[union-attr]
    assert adding.look() is None and left(own_home) == [] and models.names() == ["starter"]
    assert not [each for each in psutil.Process().children(recursive=True) if "adding" in " ".join(each.cmdline())]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_one_says_so_and_the_next_goes_on(git_hub: Hub, own_home: Path, number: signal.Signals) -> None:
    waiting(git_hub)
    adding.start("openxlab:user/model", "mine")
    in_the_middle(own_home)
    worker = adding.errand.worker(own_home / "models" / ".addition")[0]
    os.kill(worker, number)
    wait_for(lambda: not (adding.look() or adding.Look("", "")).live)
    assert (now := adding.look()) and now.error and now.error.code == "model_adding_died"
    git_hub.waits.set()  # type: ignore[union-attr]
    git_hub.waits = None
    adding.start("openxlab:user/model", "mine")
    wait_for(lambda: not (adding.look() or adding.Look("", "")).live, 60)
    assert models.folder("mine") and any(asked for _, _, asked in git_hub.asked)


def test_the_pages_token_is_in_the_environment_of_its_process_only(
    git_hub: Hub, own_home: Path, tmp_path: Path
) -> None:
    git_hub.private = True
    for token, code in (("", "hub_private"), ("wrong", "hub_token_refused")):
        adding.start("openxlab:user/model", "mine", token)
        wait_for(lambda: not (adding.look() or adding.Look("", "")).live, 60)
        assert (now := adding.look()) and now.error and now.error.code == code
    waiting(git_hub)
    adding.start("openxlab:user/model", "mine", TOKEN)
    in_the_middle(own_home)
    for process in psutil.process_iter():
        try:
            assert TOKEN not in " ".join(process.cmdline())
        except psutil.Error:
            continue
    held = [file for file in tmp_path.rglob("*") if file.is_file() and TOKEN.encode() in file.read_bytes()]
    assert held == []
    git_hub.waits.set()  # type: ignore[union-attr]
    wait_for(lambda: not (adding.look() or adding.Look("", "")).live, 60)
    assert (now := adding.look()) and now.done
    held = [file for file in tmp_path.rglob("*") if file.is_file() and TOKEN.encode() in file.read_bytes()]
    assert held == []


def test_a_hosted_page_takes_no_folders_and_asks_in_nobodys_name(
    git_hub: Hub, talker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_REPO", "user/model")
    monkeypatch.setenv("OPENXLAB_TOKEN", TOKEN)
    with pytest.raises(UserError, match="takes no folders"):
        adding.start(str(talker))
    git_hub.private = True
    adding.start("openxlab:user/model", "mine")
    wait_for(lambda: not (adding.look() or adding.Look("", "")).live, 60)
    assert (now := adding.look()) and now.error and now.error.code == "hub_private"


HOSTED = hosted.name_of(parse("openxlab:user/model"))


@pytest.fixture
def hosted_hub(git_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A hub whose private model is the hosted one."""
    monkeypatch.setenv("MODEL_REPO", "user/model")
    monkeypatch.setenv("OPENXLAB_TOKEN", TOKEN)
    git_hub.private = True
    return git_hub


def test_a_hosted_app_fetches_its_model_once_in_its_owners_name(
    hosted_hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hosted.fetch() is None and hosted.model() == models.STARTER
    wait_for(lambda: hosted.look() is None, 60)
    assert hosted.model() == HOSTED and models.folder(HOSTED)
    adding.forget()
    assert hosted.fetch() is None and adding.look() is None  # the next start finds it
    monkeypatch.setenv("MODEL_REPO", "another/model")  # is not taken for the first one's
    assert hosted.fetch() is None and hosted.model() == models.STARTER
    adding.cancel()


def test_the_hosted_model_is_known_though_the_studio_saw_its_arrival_first(hosted_hub: Hub) -> None:
    hosted.fetch()
    wait_for(lambda: (adding.look() or adding.Look("", "")).done, 60)
    adding.forget()
    assert hosted.look() is None and hosted.model() == HOSTED


@pytest.mark.parametrize(
    "other", ["openxlab:user/model@release-2024-02", "openxlab:user-model/x", "hf:user/model", "openxlab:user/Model"]
)
def test_two_sources_never_share_a_hosted_model(other: str) -> None:
    alike = ["openxlab:user/model@release-2024-01", "openxlab:user/model", "openxlab:user/model-x"]
    assert hosted.name_of(parse(other)) not in {hosted.name_of(parse(each)) for each in alike}


def test_visitors_are_not_told_where_our_folders_are(hosted_hub: Hub, own_home: Path) -> None:
    waiting(hosted_hub)
    hosted.fetch()
    in_the_middle(own_home)
    os.kill(adding.errand.worker(own_home / "models" / ".addition")[0], signal.SIGKILL)
    wait_for(lambda: (now := hosted.look()) and now.error)
    hosted_hub.waits.set()  # type: ignore[union-attr]
    assert (now := hosted.look()) and now.error and str(own_home) not in now.error.sentence()
    assert "work.log" in now.error.sentence()


def test_a_hosted_model_that_could_not_be_reached_is_fetched_again(
    hosted_hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosted, "_PAUSE", 0.1)
    ended = threading.Event()
    with monkeypatch.context() as gone:
        gone.setenv("OPENXLAB_GIT_BASE", "http://127.0.0.1:9")
        hosted.fetch()
        wait_for(lambda: (now := hosted.look()) and now.error, 60)
    hosted.watch(ended)
    wait_for(lambda: hosted.model() == HOSTED, 60)
    ended.set()


def test_a_token_that_cannot_be_one_is_refused_at_once() -> None:
    with pytest.raises(UserError, match="characters"):
        adding.start("hf:user/model", "mine", "a b")
    assert adding.look() is None and os.environ.get("STUDIO_ADDING_TOKEN") is None and pulling.PAUSE < 1
