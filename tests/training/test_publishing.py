"""Publishing as the page does it: a process of its own, a real git server, a token that is written down nowhere."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.address import Address, Credentials
from hub.pulling import pull
from tests.hub.servers import TOKEN, Hub, git
from tests.hub.test_push import hub as hub
from tests.training.conftest import wait_for
from tests.training.exam.test_certificate import run as run
from tests.training.eyes.tiny_llava import write_llava, write_parts
from tests.training.models.tiny import write_talker
from tests.training.published import RUN, put_run
from training import models, publishing
from training.__main__ import main
from training.errors import UserError
from training.exam import recommendation
from training.eyes import sight
from training.models import arrival
from training.publishing import Look

pytestmark = [pytest.mark.real]


@pytest.fixture
def made(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a finished run."""
    for name in ("OPENXLAB_TOKEN", "OPENXLAB_USER", "MODEL_REPO"):
        monkeypatch.delenv(name, raising=False)
    yield put_run(run, write_talker(tmp_path / "talker"))
    publishing.cancel()


def ended() -> Look:
    wait_for(lambda: not (publishing.look() or Look("", "")).live, 60)
    now = publishing.look()
    assert now
    return now


def test_a_model_is_published_with_its_card_and_once(hub: Hub, made: Path, own_home: Path) -> None:
    publishing.start(RUN, f"{hub.url}/user/new.git", "user", TOKEN)
    with pytest.raises(UserError, match="already"):
        publishing.start(RUN, "user/new", "", TOKEN)
    now = ended()
    assert now.done["changed"] and now.done["page"] == f"{hub.url}/user/new" and "README.md" in now.done["files"]
    there = git(hub.folder / "user/new.git", "ls-tree", "-r", "--name-only", "main").decode().split()
    assert {"README.md", "certificate.svg", "config.json", "model.safetensors"} <= {*there}
    assert "studio.json" not in there
    assert b"hub pull user/new" in git(hub.folder / "user/new.git", "show", "main:README.md")

    publishing.start(RUN, "user/new", "", TOKEN)
    assert ended().done["changed"] is False and len(hub.uploaded) == 1
    written = [file.read_bytes() for file in own_home.rglob("*") if file.is_file()]
    assert written and not [each for each in written if TOKEN.encode() in each]


def test_a_model_with_eyes_is_published_and_pulled_whole(
    hub: Hub, made: Path, tmp_path: Path, starter_weights: Path
) -> None:
    parts = write_parts(tmp_path / "parts", starter_weights)
    shutil.rmtree(made / "merged")
    merged = write_llava(made / "merged", parts.model, parts.encoder)
    publishing.start(RUN, "user/new", "", TOKEN)
    assert ended().done
    pull(Address("openxlab", "user/new"), tmp_path / "pulled", Credentials("user", TOKEN))
    for file in merged.iterdir():
        assert file.suffix == ".svg" or (tmp_path / "pulled" / file.name).read_bytes() == file.read_bytes(), file.name
    models.check(tmp_path / "pulled")
    assert models.has_eyes(tmp_path / "pulled")
    assert arrival.recognise(tmp_path / "pulled") == arrival.SEEING  # a hosted app takes it, too
    _, report, processor = sight.load(tmp_path / "pulled", "float32", "cpu")
    assert not report["missing_keys"] and "<image>" in sight.prompt(
        processor, [{"role": "user", "content": "?", "images": ["x"]}]
    )


def test_a_branch_that_was_named_is_the_one_that_gets_the_model(hub: Hub, made: Path) -> None:
    publishing.start(RUN, "user/new@mine", "", TOKEN)
    assert ended().done
    bare = hub.folder / "user/new.git"
    assert git(bare, "for-each-ref", "--format=%(refname)").decode().split() == ["refs/heads/mine"]
    assert b"hub pull user/new@mine" in git(bare, "show", "mine:README.md")


def test_what_went_wrong_is_a_sentence_and_the_next_try_works(hub: Hub, made: Path, own_home: Path) -> None:
    publishing.start(RUN, "user/new", "", "wrong-token")
    error = ended().error
    assert error and error.code == "hub_token_refused"
    publishing.start(RUN, "user/new")  # no token at all
    error = ended().error
    assert error and error.code == "hub_private"
    assert hub.uploaded == [] and not [
        f for f in own_home.rglob("*") if f.is_file() and b"wrong-token" in f.read_bytes()
    ]
    os.environ["OPENXLAB_TOKEN"] = TOKEN
    try:
        publishing.start(RUN, "user/new")
        assert ended().done
    finally:
        del os.environ["OPENXLAB_TOKEN"]


def test_a_cancelled_publishing_leaves_no_process_and_no_commit(hub: Hub, made: Path) -> None:
    hub.holds = threading.Event()
    publishing.start(RUN, "user/new", "", TOKEN)
    wait_for(lambda: any(command == "PUT" for command, _, _ in hub.asked), 60)
    publishing.cancel()
    hub.holds.set()
    assert publishing.look() is None and not list(made.glob(".push-*"))
    assert not (hub.folder / "user/new.git/refs/heads/main").exists()
    told = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if _is_readable(file)]
    assert not [line for line in told if b"git-lfs" in line and str(made.parent).encode() in line]


def _is_readable(file: Path) -> bool:
    try:
        return bool(file.read_bytes())
    except OSError:
        return False


@pytest.mark.parametrize("repo", ["", "user", "user/../x", "-user/x", "user/new; rm"])
def test_what_is_no_repo_is_refused_at_once(made: Path, repo: str) -> None:
    with pytest.raises(UserError, match="names no model"):
        publishing.start(RUN, repo, "", TOKEN)
    assert publishing.look() is None


def test_a_run_without_a_model_and_a_token_with_a_line_break_are_refused(made: Path) -> None:
    with pytest.raises(UserError, match="characters"):
        publishing.start(RUN, "user/new", "", "a\nb c")
    (made / "merged").rename(made / "gone")
    with pytest.raises(UserError):
        publishing.start(RUN, "user/new", "", TOKEN)


def test_the_command_tells_licence_and_merge_first_and_publishes_when_that_is_agreed(
    hub: Hub, made: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENXLAB_TOKEN", TOKEN)
    assert main(["publish", RUN, "user/new"]) == 1
    told = capsys.readouterr().err
    assert "licence" in told and "not compared" in told and "--yes" in told and hub.asked == []
    assert main(["publish", RUN, "user/new", "--yes", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["changed"] and answer["page"] == f"{hub.url}/user/new" and "README.md" in answer["files"]


def test_what_is_told_first_is_the_exam_of_the_model_that_is_published(made: Path) -> None:
    assert len(publishing.told_first(RUN, "en")) == 3
    recommendation.save(made, recommendation.Recommendation(10, 10, "best"))
    assert "20" in publishing.told_first(RUN, "en")[2]


def test_another_hub_is_said_to_be_none_that_takes_models() -> None:
    with pytest.raises(UserError) as caught:
        publishing.addressed("hf:user/new")
    assert caught.value.code == "hub_push_only_git" and "Hugging Face" in str(caught.value)
