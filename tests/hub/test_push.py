"""Pushes by the real git and git-lfs into a real server on 127.0.0.1: what is sent, what stays, and what is refused."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub import pushing
from hub.address import Address, Credentials
from hub.errors import HubError
from hub.pulling import Progress, pull
from hub.pushing import push
from tests.hub.conftest import weights
from tests.hub.servers import TOKEN, GitHub, Hub, git, publish, serving
from training.sentences import LANGUAGES, table

pytestmark = [pytest.mark.real]

ROOT = Path(__file__).parent.parent.parent
HERE = Address("openxlab", "user/new")
ME = Credentials("user", TOKEN)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A server that wants the token, with an empty repo user/new."""
    hub = Hub(tmp_path / "server")
    hub.private = True
    with serving(hub, GitHub):
        monkeypatch.setenv("OPENXLAB_GIT_BASE", hub.url)
        bare = tmp_path / "server" / "user" / "new.git"
        bare.mkdir(parents=True)
        git(bare, "init", "--quiet", "--bare", "--initial-branch=main", ".")
        git(bare, "config", "http.receivepack", "true")
        yield hub


@pytest.fixture
def merged(model: Path) -> Path:
    """A model in two shards, as a merge leaves it, and things that are not to be pushed."""
    for name in ("model.safetensors", "pytorch_model.bin"):
        (model / name).unlink()
    shards = {f"layer.{number}": f"model-0000{number}-of-00002.safetensors" for number in (1, 2)}
    for number, name in enumerate(shards.values()):
        weights(model / name, 400_000 + number)
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    (model / ".secret").write_text("not for others")
    return model


def refused(folder: Path, who: Credentials = ME, to: Address = HERE, **options: Any) -> HubError:
    with pytest.raises(HubError) as caught:
        push(folder, to, who, **options)
    assert all(table(language)[f"error.{caught.value.code}"].format(**caught.value.details) for language in LANGUAGES)
    assert not list(folder.parent.glob(".push-*"))
    return caught.value


def listed(hub: Hub, repo: str = "user/new") -> list[str]:
    return git(hub.folder / f"{repo}.git", "ls-tree", "--name-only", "main").decode().split()


def test_a_pushed_model_is_the_one_that_is_pulled_and_is_not_sent_twice(hub: Hub, merged: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    done = push(merged, HERE, ME, told.append)
    shards = sorted(file.name for file in merged.glob("*.safetensors"))
    assert done.changed and done.large == (*shards,) and len(hub.uploaded) == 2
    assert told and told[-1].file in shards and told[-1].total_done == told[-1].total
    assert told[-1].total == sum((merged / name).stat().st_size for name in shards)
    assert not {".secret", "modeling_evil.py"} & {*listed(hub)}
    attributes = git(hub.folder / "user/new.git", "show", "main:.gitattributes").decode()
    assert all(f"/{name} filter=lfs diff=lfs merge=lfs -text" in attributes for name in shards)

    to = pull(HERE, tmp_path / "back", ME)
    assert all((to / file.name).read_bytes() == (merged / file.name).read_bytes() for file in to.iterdir())
    assert {*shards, "config.json", "README.md"} <= {file.name for file in to.iterdir()}

    again = push(merged, HERE, ME)
    assert not again.changed and again.commit == done.commit and len(hub.uploaded) == 2
    (merged / "README.md").write_text("# better")
    assert push(merged, HERE, ME).changed and len(hub.uploaded) == 2  # a word in the card sends no weights
    assert git(hub.folder / "user/new.git", "rev-list", "--count", "main").strip() == b"2"


def test_a_push_goes_on_top_of_what_is_there_and_takes_its_own_old_shards_away(hub: Hub, merged: Path) -> None:
    push(merged, HERE, ME)
    for file in merged.glob("model*.*s*n"):
        file.unlink()
    for file in merged.glob("*.safetensors"):
        file.unlink()
    weights(merged / "model.safetensors", 1000)
    first = git(hub.folder / "user/new.git", "rev-parse", "main")
    push(merged, HERE, ME)
    names = listed(hub)
    assert "model.safetensors" in names and not [name for name in names if "-of-" in name]
    assert git(hub.folder / "user/new.git", "rev-parse", "main^") == first


def test_a_push_that_breaks_leaves_the_repo_as_it_was_and_goes_on_later(hub: Hub, merged: Path) -> None:
    hub.refuse_after = 1
    assert refused(merged).code == "hub_full" and len(hub.uploaded) == 1
    assert not (hub.folder / "user/new.git/refs/heads/main").exists()
    hub.refuse_after = None
    sent = [*hub.uploaded]
    push(merged, HERE, ME)
    assert len(hub.uploaded) == 2 and hub.uploaded[:1] == sent


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((507, {}), "hub_full"),
        ((413, {"message": "your storage quota is used up"}), "hub_full"),
        ((400, {"message": "models are not taken on Sundays"}), "hub_refused"),
    ],
)
def test_what_a_hub_does_not_take_is_told_in_a_sentence(
    hub: Hub, merged: Path, answer: tuple[int, Any], code: str
) -> None:
    hub.refuse_after, hub.refusal = 0, answer
    error = refused(merged)
    assert error.code == code and error.details["repo"] == "user/new"
    assert code == "hub_full" or error.details["reason"] == "models are not taken on Sundays"


def test_a_refused_push_tells_what_the_hub_itself_said(hub: Hub, merged: Path) -> None:
    hook = hub.folder / "user/new.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho ======= >&2; echo main is for maintainers >&2; exit 1\n")
    hook.chmod(0o755)
    error = refused(merged)
    assert error.code == "hub_refused" and error.details["reason"] == "main is for maintainers"


def test_folders_are_pushed_with_what_is_in_them_but_no_programs_links_or_hidden_files(
    hub: Hub, merged: Path, tmp_path: Path
) -> None:
    eyes = merged / "visual_encoder" / "deep"
    eyes.mkdir(parents=True)
    weights(eyes / "model.safetensors", 500)
    (eyes / "config.json").write_text("{}")
    (eyes / "evil.py").write_text("raise SystemExit")
    (eyes / ".hidden").write_text("x")
    (merged / "elsewhere").symlink_to(tmp_path)
    done = push(merged, HERE, ME)
    assert "visual_encoder/deep/model.safetensors" in done.large and len(hub.uploaded) == 3
    names = git(hub.folder / "user/new.git", "ls-tree", "-r", "--name-only", "main").decode().split()
    assert [name for name in names if "/" in name] == [
        "visual_encoder/deep/config.json",
        "visual_encoder/deep/model.safetensors",
    ]
    assert not push(merged, HERE, ME).changed
    shutil.rmtree(merged / "visual_encoder")
    push(merged, HERE, ME)
    assert "visual_encoder" not in listed(hub)


@pytest.mark.parametrize("ours", ["notes", "notes.txt/deep"])
def test_a_folder_of_ours_never_takes_the_place_of_a_file_of_theirs(
    hub: Hub, merged: Path, tmp_path: Path, ours: str
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    publish(hub, "user/new", other)
    (merged / ours).mkdir(parents=True)
    (merged / ours / "a.txt").write_text("ours")
    if ours == "notes":
        push(merged, HERE, ME)
        assert {"notes", "notes.txt"} <= {*listed(hub)}
    else:
        assert refused(merged).details["files"] == "notes.txt"


def test_a_large_file_with_wildcards_in_its_name_is_git_lfs_s_and_no_other_file_is(
    hub: Hub, merged: Path, tmp_path: Path
) -> None:
    odd = ["w[12]*?.gguf", 'say "hi" \\ .gguf', "#1.gguf", "!no.gguf", "权重 1.gguf"]
    for name in odd:
        (merged / name).write_bytes(name.encode())
    push(merged, HERE, ME)
    (tmp_path / "clone").mkdir()
    attributes = git(hub.folder / "user/new.git", "show", "main:.gitattributes")
    (tmp_path / "clone" / ".gitattributes").write_bytes(attributes)
    git(tmp_path / "clone", "init", "--quiet")
    asked = [*odd, "w1xx.gguf", "1.gguf", "no.gguf", "deep/#1.gguf"]
    told = git(tmp_path / "clone", "check-attr", "-z", "filter", "--", *asked).decode().split("\0")
    assert dict(zip(told[::3], told[2::3])) == {name: "lfs" if name in odd else "unspecified" for name in asked}


def test_a_repo_with_another_model_is_not_touched_and_other_files_stay(hub: Hub, merged: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text('{"mine": true}')
    (other / "notes.txt").write_text("mine")
    before = publish(hub, "user/other", other)
    error = refused(merged, to=Address("openxlab", "user/other"))
    assert error.code == "hub_other_content" and error.details["files"] == "config.json" and hub.uploaded == []
    assert git(hub.folder / "user/other.git", "rev-parse", "main").decode().strip() == before
    (other / "config.json").unlink()
    shutil.rmtree(hub.folder / "user/other.git")
    publish(hub, "user/other", other)
    push(merged, Address("openxlab", "user/other"), ME)
    assert {"notes.txt", "config.json"} <= {*listed(hub, "user/other")}


def test_anothers_weights_beside_the_same_small_files_are_another_model(hub: Hub, merged: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    shutil.copytree(merged, theirs, ignore=shutil.ignore_patterns(".*", "*.py"))
    before = publish(hub, "user/new", theirs)
    for file in merged.glob("model*.safetensors*"):
        file.unlink()
    weights(merged / "model.safetensors", 1000)
    assert refused(merged).code == "hub_other_content"
    assert git(hub.folder / "user/new.git", "rev-parse", "main").decode().strip() == before


def test_what_a_link_leads_to_stays_at_home(hub: Hub, merged: Path, tmp_path: Path) -> None:
    (tmp_path / "key.json").write_text("{}")
    (merged / "key.json").symlink_to(tmp_path / "key.json")
    push(merged, HERE, ME)
    assert "key.json" not in listed(hub)


def test_a_repo_that_moved_meanwhile_is_not_overwritten(
    hub: Hub, merged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "README.md").write_text("first")
    publish(hub, "user/new", other)
    upload = pushing._upload

    def somebody_else_is_quicker(*arguments: Any) -> None:
        upload(*arguments)
        (other / "README.md").write_text("second")
        publish(hub, "user/new", other)

    monkeypatch.setattr(pushing, "_upload", somebody_else_is_quicker)
    assert refused(merged).code == "hub_moved"
    assert git(hub.folder / "user/new.git", "show", "main:README.md") == b"second"


def test_no_token_a_wrong_one_and_no_repo(hub: Hub, merged: Path) -> None:
    assert refused(merged, Credentials()).code == "hub_private"
    assert refused(merged, Credentials("user", "wrong")).code == "hub_token_refused"
    assert refused(merged, to=Address("openxlab", "user/nothing")).code == "hub_no_such_repo"
    assert refused(merged, to=Address("hf", "user/new")).code == "hub_push_only_git"
    assert hub.uploaded == []


def test_half_a_model_is_not_pushed(hub: Hub, merged: Path) -> None:
    shard = next(merged.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-1])
    assert refused(merged).details["missing"] == shard.name
    shard.unlink()
    assert refused(merged).code == "hub_folder_bad"
    assert refused(merged / "nothing").code == "hub_folder_bad"
    assert hub.asked == []


def test_a_cancelled_push_changes_nothing(hub: Hub, merged: Path) -> None:
    assert refused(merged, cancelled=lambda: True).code == "hub_cancelled"
    assert not (hub.folder / "user/new.git/refs/heads/main").exists()


def test_the_command_pushes_and_the_token_is_written_down_nowhere(hub: Hub, merged: Path, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text(f"[credential]\n\thelper = store --file={tmp_path}/stored\n")
    variables = {"OPENXLAB_TOKEN": TOKEN, "OPENXLAB_USER": "user", "GIT_TRACE": "1", "GIT_CURL_VERBOSE": "1"}
    command = [sys.executable, "-m", "hub", "push", str(merged), "user/new", "--json"]
    arguments: list[str] = []
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while process.poll() is None:
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                arguments.append(file.read_bytes().decode(errors="replace"))
            except OSError:
                pass
    said, errors = process.communicate()
    assert process.returncode == 0 and json.loads(said)["changed"], errors
    secrets = (TOKEN, base64.b64encode(f"user:{TOKEN}".encode()).decode())
    written = [file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file()]
    assert any("git" in line for line in arguments)
    assert not [secret for secret in secrets for text in [said, errors, *arguments, *written] if secret in text]
    assert not any(TOKEN in path for _, path, _ in hub.asked)
