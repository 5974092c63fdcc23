"""Pulls from real servers on 127.0.0.1: what arrives, what does not, and what is left when something goes wrong."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub import git as hub_git
from hub import pulling
from hub.__main__ import main
from hub.address import Address, Credentials, parse, repo_of
from hub.contents import File, Listing, Stream
from hub.errors import HubError
from hub.pulling import Progress, pull
from hub.web import Broken
from tests.hub.conftest import put, weights
from tests.hub.servers import TOKEN, Hub, git, publish
from tests.training.conftest import wait_for
from training.sentences import LANGUAGES, table

ROOT = Path(__file__).parent.parent.parent
FORTY = 10 << 16
"""Bytes that are here when the server ended at 40 %."""
WANTED = ["README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]


def address(hub: Hub, repo: str = "user/model", revision: str = "") -> Address:
    return Address(hub.kind, repo, revision)  # type: ignore[attr-defined]


def me(token: str = TOKEN) -> Credentials:
    return Credentials("user", token)


def refused(where: Address, to: Path, **options: Any) -> HubError:
    with pytest.raises(HubError) as caught:
        pull(where, to, **options)
    assert not to.exists()
    assert all(table(language)[f"error.{caught.value.code}"].format(**caught.value.details) for language in LANGUAGES)
    return caught.value


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_pulled_model_has_what_it_needs_byte_for_byte_and_no_program(hub: Hub, model: Path, tmp_path: Path) -> None:
    told: list[Progress] = []
    to = pull(address(hub), tmp_path / "new", progress=told.append)
    assert sorted(file.name for file in to.iterdir()) == WANTED
    assert all((to / name).read_bytes() == (model / name).read_bytes() for name in WANTED)
    assert not (tmp_path / ".new.part").exists()
    size = sum((model / name).stat().st_size for name in WANTED)
    assert told[-1] == Progress("model.safetensors", *[(model / "model.safetensors").stat().st_size] * 2, size, size)
    assert {now.file for now in told} == {*WANTED}
    shares = [now.total_done / now.total for now in told]
    assert shares == sorted(shares)  # the bar never goes back


def test_shards_are_those_of_the_index(hub: Hub, model: Path, tmp_path: Path) -> None:
    (model / "model.safetensors").unlink()
    for number in (1, 2):
        weights(model / f"model-0000{number}-of-00002.safetensors", 100 * number)
    weights(model / "consolidated.safetensors", 10)
    names = {f"layer.{number}": f"model-0000{number}-of-00002.safetensors" for number in (1, 2)}
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    put(hub, "user/sharded", model)
    to = pull(address(hub, "user/sharded"), tmp_path / "new")
    assert {file.name for file in to.glob("*.safetensors")} == {*names.values()}
    assert all(hub.served(model / name) for name in names.values())
    assert not hub.served(model / "consolidated.safetensors")


def test_an_index_that_names_a_file_that_is_not_there_is_refused_before_any_weight(
    hub: Hub, model: Path, tmp_path: Path
) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    put(hub, "user/half", model)
    error = refused(address(hub, "user/half"), tmp_path / "new")
    assert error.code == "hub_incomplete" and error.details == {"missing": "model-2.safetensors"}
    assert not (tmp_path / ".new.part").exists()


@pytest.mark.parametrize("names", [["../../x.safetensors"], ["setup.py"], [3], [], "no"])
def test_an_index_leads_nowhere_else(git_hub: Hub, model: Path, tmp_path: Path, names: Any) -> None:
    shards = {str(number): name for number, name in enumerate(names)} if isinstance(names, list) else names
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    put(git_hub, "user/odd", model)
    assert refused(address(git_hub, "user/odd"), tmp_path / "new").code == "hub_incomplete"


def test_pickled_weights_come_only_where_there_is_nothing_else(hub: Hub, model: Path, tmp_path: Path) -> None:
    (model / "model.safetensors").unlink()
    put(hub, "user/pickle", model)
    seen: list[list[str]] = []
    to = pull(address(hub, "user/pickle"), tmp_path / "new", accept=lambda folder, names: seen.append(names))
    assert seen == [["pytorch_model.bin"]] and (to / "pytorch_model.bin").is_file()


def test_what_is_not_accepted_costs_no_weights_and_leaves_nothing(hub: Hub, model: Path, tmp_path: Path) -> None:
    def accept(folder: Path, names: list[str]) -> None:
        assert (folder / "config.json").is_file() and names == ["model.safetensors"]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        pull(address(hub), tmp_path / "new", accept=accept)
    assert not list(tmp_path.glob("*new*")) and not hub.served(model / "model.safetensors")


def test_a_repo_without_weights_is_refused(hub: Hub, model: Path, tmp_path: Path) -> None:
    for file in (*model.glob("*.bin"), *model.glob("*.safetensors")):
        file.unlink()
    put(hub, "user/empty", model)
    assert refused(address(hub, "user/empty"), tmp_path / "new").code == "hub_no_weights"


def test_a_repo_that_is_not_there_and_a_hub_that_is_not_there(hub: Hub, tmp_path: Path, monkeypatch: Any) -> None:
    assert refused(address(hub, "user/nothing"), tmp_path / "new").code == "hub_no_such_repo"
    for name in ("OPENXLAB_GIT_BASE", "HF_ENDPOINT", "MODELSCOPE_ENDPOINT"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert refused(address(hub), tmp_path / "new").code == "hub_unreachable"
    assert not list(tmp_path.glob(".*.part"))


def test_a_revision_that_is_not_there(hub: Hub, tmp_path: Path) -> None:
    assert refused(address(hub, revision="v9"), tmp_path / "new").code == "hub_no_such_revision"


def test_a_revision_is_a_branch_a_tag_or_a_commit(git_hub: Hub, model: Path, tmp_path: Path) -> None:
    (model / "README.md").write_text("newer")
    first = next(iter(git_hub.folder.rglob("refs/heads/main"))).read_text().strip()
    publish(git_hub, "user/model", model)
    assert (pull(address(git_hub, revision="main"), tmp_path / "a") / "README.md").read_text() == "newer"
    git(git_hub.folder / "user/model.git", "tag", "v1", first)
    assert (pull(address(git_hub, revision="v1"), tmp_path / "b") / "README.md").read_text() == "# 模型"
    git(git_hub.folder / "user/model.git", "config", "uploadpack.allowAnySHA1InWant", "true")
    assert (pull(address(git_hub, revision=first), tmp_path / "c") / "README.md").read_text() == "# 模型"


def test_a_private_repo_wants_the_right_token(hub: Hub, tmp_path: Path) -> None:
    hub.private = True
    assert refused(address(hub), tmp_path / "new").code == "hub_private"
    assert refused(address(hub), tmp_path / "new", who=me("wrong")).code == "hub_token_refused"
    assert pull(address(hub), tmp_path / "new", me()).is_dir()


def test_a_connection_that_breaks_is_taken_up_where_it_broke(hub: Hub, model: Path, tmp_path: Path) -> None:
    heavy = model / "model.safetensors"
    hub.breaks[sha256(heavy)] = 1
    to = pull(address(hub), tmp_path / "new")
    assert (to / heavy.name).read_bytes() == heavy.read_bytes()
    assert {asked for _, _, asked in hub.asked} - {""} == {f"bytes={FORTY}-"}


def test_a_network_that_is_gone_at_40_percent_leaves_the_half_for_the_next_time(
    hub: Hub, model: Path, tmp_path: Path
) -> None:
    heavy = model / "model.safetensors"
    hub.stuck = True
    error = refused(address(hub), tmp_path / "new")
    assert error.code == "hub_broken" and error.details["percent"] == "40"
    half = tmp_path / ".new.part" / "model.safetensors.half"
    assert half.stat().st_size == FORTY
    hub.stuck = False
    hub.asked.clear()
    to = pull(address(hub), tmp_path / "new")
    assert (to / heavy.name).read_bytes() == heavy.read_bytes()
    wanted = [path for method, path, _ in hub.asked if method == "GET" and ("resolve" in path or "FilePath" in path)]
    assert len(wanted) <= 1  # what was here already was not fetched again
    assert {asked for _, _, asked in hub.asked} - {""} == {f"bytes={FORTY}-"}


def link(href: str) -> dict[str, Any]:
    return {"actions": {"download": {"href": href}}}


@pytest.mark.parametrize(
    "mishap",
    [{"status": 503}, {"error": {"code": 503, "message": "busy"}}, {}, link("http://[bad/x"), link("{hub}/expired/x")],
    ids=["busy", "object busy", "no link", "bad link", "expired link"],
)
def test_a_hiccup_of_the_server_of_large_files_is_waited_for(
    git_hub: Hub, model: Path, tmp_path: Path, mishap: dict[str, Any]
) -> None:
    git_hub.mishaps = [json.loads(json.dumps(mishap or {"actions": {}}).replace("{hub}", git_hub.url))] * 2
    to = pull(address(git_hub), tmp_path / "new")
    assert sha256(to / "model.safetensors") == sha256(model / "model.safetensors")
    git_hub.mishaps = [{"error": {"code": 404, "message": "gone"}}]
    assert refused(address(git_hub), tmp_path / "other").code == "hub_incomplete"


def test_one_broken_shard_takes_no_other_one_with_it(git_hub: Hub, model: Path, tmp_path: Path) -> None:
    names = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    for number, name in enumerate(names, 1):
        weights(model / name, 100 * number)
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": dict(enumerate(names))}))
    put(git_hub, "user/sharded", model)
    git_hub.corrupt.add(sha256(model / names[1]))
    assert refused(address(git_hub, "user/sharded"), tmp_path / "new").code == "hub_corrupt"
    assert [file.name for file in (tmp_path / ".new.part" / "files").glob("*.safetensors")] == names[:1]


def test_a_repo_that_has_moved_is_pulled_from_where_it_is(git_hub: Hub, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("OPENXLAB_GIT_BASE", f"{git_hub.url}/moved")
    assert (pull(address(git_hub), tmp_path / "new") / "model.safetensors").is_file()


def test_a_password_in_netrc_goes_nowhere(hub: Hub, tmp_path: Path) -> None:
    """Hugging Face leads on to another host, whose handler refuses every password."""
    (tmp_path / ".netrc").write_text(
        "".join(f"machine {host} login me password x\n" for host in ("localhost", "127.0.0.1"))
    )
    hub.private = True
    assert pull(address(hub), tmp_path / "new", me()).is_dir()


def test_a_hub_that_falls_silent_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_git, "SILENCE", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("OPENXLAB_GIT_BASE", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert refused(Address("openxlab", "user/model"), tmp_path / "new").code == "hub_unreachable"


def test_an_empty_repo_holds_no_weights(git_hub: Hub, tmp_path: Path) -> None:
    bare = git_hub.folder / "user" / "empty.git"
    bare.mkdir()
    git(bare, "init", "--quiet", "--bare", ".")
    assert refused(address(git_hub, "user/empty"), tmp_path / "new").code == "hub_no_weights"


def test_a_server_that_begins_anew_and_never_gets_further_is_given_up(tmp_path: Path) -> None:
    """It knows no ranges, and breaks off now here, now there."""
    asked: list[int] = []

    def read(file: File, offset: int) -> Stream:
        asked.append(offset)

        def blocks() -> Iterator[bytes]:
            yield bytes(100 if len(asked) % 2 else 50)
            raise Broken("OpenXLab", "gone")

        return Stream(0, blocks())

    one = pulling._Pull(Address("openxlab", "a/b"), Credentials(), tmp_path, lambda now: None, lambda: False)
    one.files.mkdir()
    file = File("x.bin", 1000)
    with pytest.raises(HubError, match="hub_broken"):
        one._bytes(Listing("1", (file,), read), file, tmp_path / "x.half")


def test_a_half_of_something_else_is_found_out(hub: Hub, model: Path, tmp_path: Path) -> None:
    hub.stuck = True
    refused(address(hub), tmp_path / "new")
    hub.stuck = False
    half = tmp_path / ".new.part" / "model.safetensors.half"
    half.write_bytes(b"?" * half.stat().st_size)
    to = pull(address(hub), tmp_path / "new")
    assert sha256(to / "model.safetensors") == sha256(model / "model.safetensors")


def test_the_half_of_an_older_revision_is_not_used(hub: Hub, model: Path, tmp_path: Path) -> None:
    hub.stuck = True
    refused(address(hub), tmp_path / "new")
    hub.stuck = False
    (model / "README.md").write_text("newer")
    put(hub, "user/model", model)
    hub.asked.clear()
    pull(address(hub), tmp_path / "new")
    assert {asked for _, _, asked in hub.asked} == {""}


def test_content_that_is_not_what_the_hub_promised_is_thrown_away(hub: Hub, model: Path, tmp_path: Path) -> None:
    hub.corrupt.add(sha256(model / "model.safetensors"))
    error = refused(address(hub), tmp_path / "new")
    assert error.code == "hub_corrupt" and not [*(tmp_path / ".new.part").rglob("model.safetensors*")]


def test_a_weight_file_whose_header_lies_is_refused_though_its_hash_is_right(
    hub: Hub, model: Path, tmp_path: Path
) -> None:
    heavy = model / "model.safetensors"
    heavy.write_bytes(heavy.read_bytes()[:-100])
    put(hub, "user/cut", model)
    assert refused(address(hub, "user/cut"), tmp_path / "new").code == "hub_corrupt"


def test_a_disk_that_is_too_small_is_told_before_anything_large(
    hub: Hub, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    free = 64 * 2**20 + 200_000  # enough for the small files
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, free))
    assert refused(address(hub), tmp_path / "new").code == "hub_no_space"
    assert not hub.served(model / "model.safetensors")


def test_a_disk_that_is_full_in_the_middle_is_a_sentence_and_the_rest_goes_on_later(
    git_hub: Hub, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def full(descriptor: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(os, "fsync", full)
        assert refused(address(git_hub), tmp_path / "new").code == "disk_full"
    assert pull(address(git_hub), tmp_path / "new").is_dir()


def test_a_cancelled_pull_leaves_nothing(hub: Hub, model: Path, tmp_path: Path) -> None:
    hub.waits = threading.Event()
    seen: list[str] = []
    error = refused(
        address(hub),
        tmp_path / "new",
        progress=lambda now: seen.append(now.file),
        cancelled=lambda: bool(seen) and (tmp_path / ".new.part" / "model.safetensors.half").exists(),
    )
    hub.waits.set()
    assert error.code == "hub_cancelled" and not list(tmp_path.glob("*new*"))


def test_a_pull_that_is_told_to_end_is_gone_on_with_later(git_hub: Hub, model: Path, tmp_path: Path) -> None:
    def gone(now: pulling.Progress) -> None:
        if now.file == "model.safetensors":
            raise SystemExit

    with pytest.raises(SystemExit):
        pull(address(git_hub), tmp_path / "new", progress=gone)
    assert (tmp_path / ".new.part" / "model.safetensors.half").stat().st_size
    git_hub.asked.clear()
    assert pull(address(git_hub), tmp_path / "new").is_dir()
    assert any(asked for _, _, asked in git_hub.asked)


def test_two_pulls_do_not_meet_in_one_place(git_hub: Hub, tmp_path: Path) -> None:
    part = tmp_path / ".new.part"
    part.mkdir()
    with pulling._held(part):
        assert refused(address(git_hub), tmp_path / "new").code == "hub_busy"
    assert pull(address(git_hub), tmp_path / "new").is_dir()
    with pytest.raises(HubError, match="hub_target_taken"):
        pull(address(git_hub), tmp_path / "new")


def test_a_link_in_a_repo_is_not_followed(git_hub: Hub, model: Path, tmp_path: Path) -> None:
    bare = git_hub.folder / "user/model.git"
    sha = git(bare, "hash-object", "-w", "--stdin", data=b"/etc/passwd").decode().strip()
    listed = git(bare, "ls-tree", "main").decode()
    tree = git(bare, "mktree", data=f"{listed}120000 blob {sha}\tmerges.txt\n".encode()).decode().strip()
    git(bare, "update-ref", "refs/heads/main", git(bare, "commit-tree", tree, "-m", "x").decode().strip())
    assert not (pull(address(git_hub), tmp_path / "new") / "merges.txt").exists()


NO_ADDRESSES = (
    "|user/model|hf:|hf:one|hf:a/b/c|openxlab:-u/x|hf:a/..|hf:a/b@|hf:a/b@-x|hf:a/b@../x|hf:a/b@x y|github:a/b|"
    "openxlab:https://user:pass@host/a/b"
)


@pytest.mark.parametrize("source", NO_ADDRESSES.split("|"))
def test_what_is_no_address_is_refused(source: str) -> None:
    with pytest.raises(HubError) as caught:
        parse(source)
    assert caught.value.code == "hub_address_bad" and "pass" not in str(caught.value)


@pytest.mark.parametrize(
    "copied",
    [
        "user/model",
        "openxlab:user/model",
        "https://openxlab.org.cn/models/detail/user/model",
        "https://openxlab.org.cn/models/detail/user/model/tree/main?x=1",
        "https://code.openxlab.org.cn/user/model.git",
    ],
)
def test_a_repo_is_found_in_whatever_a_person_copied(copied: str) -> None:
    assert repo_of(copied) == "user/model"


def test_an_address_is_written_as_it_is_read() -> None:
    assert str(parse(" openxlab:OpenLMLab/internlm2-chat-1.8b@v1.0 ")) == "openxlab:OpenLMLab/internlm2-chat-1.8b@v1.0"
    assert parse("HF:a/b") == Address("hf", "a/b") and parse("hf:a/b@refs/pr/1").revision == "refs/pr/1"


@pytest.mark.parametrize("base", ["ftp://x", "https://user:secret@host", "x", "https://[", "file:///etc"])
def test_a_base_that_is_no_address_or_holds_a_password_is_refused(base: str, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENXLAB_GIT_BASE", base)
    error = refused(Address("openxlab", "a/b"), tmp_path / "new")
    assert error.code == "hub_base_bad" and "secret" not in str(error)


@pytest.mark.parametrize("token", ["a b", "a\nb", "a\r\nX: y", "令牌"])
def test_a_token_that_would_write_a_header_of_its_own_is_refused(token: str) -> None:
    with pytest.raises(HubError, match="hub_token_bad"):
        Credentials("user", token)


def test_the_command_pulls_and_refuses_in_one_sentence(
    hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repo = "user/model" if hub.kind == "openxlab" else f"{hub.kind}:user/model"  # type: ignore[attr-defined]
    assert main(["pull", repo, "--to", str(tmp_path / "new"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["files"] == WANTED and told["path"] == str(tmp_path / "new")
    assert main(["pull", repo + "x", "--to", str(tmp_path / "other"), "--json", "--language", "zh"]) == 1
    said = capsys.readouterr()
    assert (
        json.loads(said.out)["error"] == "hub_no_such_repo" and "没有模型" in said.err and "Traceback" not in said.err
    )


def test_the_token_is_in_no_argument_file_or_output(hub: Hub, model: Path, tmp_path: Path) -> None:
    """While a pull with a token waits in the middle, and after it was refused, and after it arrived."""
    hub.private = True
    hub.waits = threading.Event()
    variables = {"openxlab": "OPENXLAB_TOKEN", "hf": "HF_TOKEN", "modelscope": "MODELSCOPE_API_TOKEN"}
    environment = {**os.environ, "GIT_TRACE_CURL": "1", "GIT_CURL_VERBOSE": "1", "OPENXLAB_USER": "user"}
    # What would write a token down, did it see one.
    (tmp_path / ".gitconfig").write_text(f"[credential]\n\thelper = store --file={tmp_path}/stored\n")
    command = [sys.executable, "-m", "hub", "pull", str(address(hub)), "--to", str(tmp_path / "new"), "--json"]
    begun = threading.Thread(target=_let_go, args=(hub, tmp_path, seen := []), daemon=True)
    begun.start()
    done = subprocess.run(
        command, cwd=ROOT, env={**environment, variables[hub.kind]: TOKEN}, capture_output=True, text=True
    )  # type: ignore[attr-defined]
    begun.join()
    assert done.returncode == 0, done.stderr
    assert seen and TOKEN not in seen[0] and base64_of(TOKEN) not in seen[0]
    assert TOKEN not in done.stdout + done.stderr
    assert not any(TOKEN in path for _, path, _ in hub.asked)
    for file in tmp_path.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert TOKEN.encode() not in content and base64_of(TOKEN).encode() not in content, file


def base64_of(token: str) -> str:
    return base64.b64encode(f"user:{token}".encode()).decode()


def _let_go(hub: Hub, folder: Path, seen: list[str]) -> None:
    """Once the pull is in the middle: what every process was started with, and what lies about."""
    wait_for(lambda: (folder / ".new.part" / "model.safetensors.half").exists(), 60)
    said = ""
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said += process.read_bytes().decode(errors="replace") + "\n"
        except OSError:
            pass
    for file in (folder / ".new.part").rglob("*"):
        said += file.read_bytes().decode("latin-1") if file.is_file() else ""
    seen.append(said)
    hub.waits.set()  # type: ignore[union-attr]


def test_every_error_of_the_hub_has_a_sentence() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "hub").glob("*.py"))
    codes = {*re.findall(r'HubError\(\s*"(\w+)"', text)}
    assert len(codes) > 15
    assert all(f"error.{code}" in table(language) for code in codes for language in LANGUAGES)
