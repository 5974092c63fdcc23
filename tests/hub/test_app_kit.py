"""The hosted app as a folder: what is in it, what is not, what it is set to, and what is left for a person to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hub import app_kit, app_settings
from hub.__main__ import main
from hub.address import Address, Credentials, Remote, remote
from hub.errors import HubError
from tests.hub.servers import TOKEN, Hub, git
from tests.hub.test_push import hub as hub

ROOT = Path(__file__).parent.parent.parent
MODEL = Address("openxlab", "user/model", "v1")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small repository with things in it that are nobody's business."""
    folder = tmp_path / "repo"
    (folder / "workspace" / "models").mkdir(parents=True)
    (folder / "tests").mkdir()
    (folder / "app.py").write_text("print()")
    (folder / "tests" / "install_tools.sh").write_text("#!/bin/sh\n")
    (folder / "tests" / "install_tools.sh").chmod(0o755)
    for name in (".env", "workspace/models/model.safetensors", "tests/tiny.safetensors", "studio.env"):
        (folder / name).write_text("SECRET")
    (folder / "link.md").symlink_to(tmp_path)
    return folder


def test_the_app_is_what_git_tracks_with_settings_and_steps_but_no_weights(source: Path, tmp_path: Path) -> None:
    git(source, "init", "--quiet")
    git(source, "add", "app.py", "tests", "link.md")
    (source / "notes.txt").write_text("not tracked")
    kit = app_kit.prepare(MODEL, tmp_path / "app", source=source)
    assert kit.files == ("DEPLOY.md", "app.py", "studio.env", "tests/install_tools.sh")
    assert os.access(kit.folder / "tests" / "install_tools.sh", os.X_OK)
    with pytest.raises(HubError, match="hub_target_taken"):
        app_kit.prepare(MODEL, tmp_path / "app", source=source)


def test_without_git_only_what_is_known_goes_along(source: Path, tmp_path: Path) -> None:
    (source / "my-token.txt").write_text("SECRET")
    kit = app_kit.prepare(MODEL, tmp_path / "app", source=source)
    assert kit.files == ("DEPLOY.md", "app.py", "studio.env", "tests/install_tools.sh")


def test_what_git_tracks_at_the_top_is_known_without_git_too() -> None:
    tracked = {name.partition("/")[0] for name in app_kit._files(ROOT)}
    assert {name for name in tracked if not name.startswith(".")} <= app_kit._OWN


def test_the_real_app_has_all_it_needs_and_its_zip_is_the_same(tmp_path: Path) -> None:
    kit = app_kit.prepare(MODEL, tmp_path / "app")
    assert {"app.py", "requirements.txt", "requirements-nodeps.txt", "packages.txt", "hub/app_kit.py"} <= {*kit.files}
    assert {"assets/i18n/zh.json", "assets/deploy/zh.md"} <= {*kit.files}
    with zipfile.ZipFile(app_kit.zipped(MODEL, tmp_path / "x" / "app.zip")) as packed:
        assert sorted(name for name in packed.namelist() if not name.endswith("/")) == [f"app/{n}" for n in kit.files]
    assert sum(file.stat().st_size for file in kit.folder.rglob("*") if file.is_file()) < 20e6


def test_the_steps_name_the_very_values_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENXLAB_GIT_BASE", raising=False)
    for language in ("zh", "en"):
        page = app_kit.steps(MODEL, remote("https://github.com/me/my-app.git"), language)
        for value in ("`https://github.com/me/my-app`", "git remote add origin https://github.com/me/my-app.git"):
            assert value in page
        for value in (
            "`app.py`",
            "MODEL_REPO=user/model",
            "`my-app`",
            "https://openxlab.org.cn/models/detail/user/model",
        ):
            assert value in page
        assert "YOUR-APP" in app_kit.steps(MODEL, None, language)


def test_the_steps_for_a_model_of_another_hub_name_its_own_token() -> None:
    for language in ("zh", "en"):
        page = app_kit.steps(Address("hf", "user/model"), None, language)
        assert "`HF_TOKEN`" in page and "`MODEL_REPO=hf:user/model`" in page and "OPENXLAB_" not in page


@pytest.mark.parametrize("name", ["PORT", "FORWARDED_ALLOW_IPS", "HF_ENDPOINT", "MODELSCOPE_ENDPOINT"])
def test_settings_may_name_a_port_proxies_and_mirrors(tmp_path: Path, name: str) -> None:
    (tmp_path / "studio.env").write_text(f"{name}=1\n")
    assert app_settings.load(tmp_path, {}) == [name]


def test_the_command_replaces_no_zip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["publish", "user/model", "--to", str(tmp_path / "app"), "--zip", "--json"]
    (tmp_path / "app.zip").write_text("mine")
    assert main(command) == 1 and json.loads(capsys.readouterr().out)["error"] == "hub_target_taken"
    assert (tmp_path / "app.zip").read_text() == "mine" and not (tmp_path / "app").exists()


def test_settings_fill_what_the_environment_lacks_and_never_replace_it(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENXLAB_GIT_BASE", "http://mirror")
    kit = app_kit.prepare(MODEL, tmp_path / "app", source=source)
    variables = {"MODEL_REPO": ""}
    assert app_settings.load(kit.folder, variables) == ["MODEL_REPO", "OPENXLAB_GIT_BASE"]
    assert variables == {"MODEL_REPO": "user/model@v1", "OPENXLAB_GIT_BASE": "http://mirror"}
    variables = {"MODEL_REPO": "other/model", "OPENXLAB_GIT_BASE": "x"}
    assert app_settings.load(kit.folder, variables) == [] and variables["MODEL_REPO"] == "other/model"
    assert app_settings.load(tmp_path, variables) == []


@pytest.mark.parametrize(
    "line",
    ["OPENXLAB_TOKEN=x", "STUDIO_PASSWORD=x", "OPENXLAB_AK=x", "PATH=/", "LD_PRELOAD=x", "MODEL_REPO", "MODEL_REPO="],
)
def test_settings_take_no_secrets_and_no_other_variables(tmp_path: Path, line: str) -> None:
    (tmp_path / "studio.env").write_text(f"# words\n\n{line}\n")
    variables: dict[str, str] = {}
    with pytest.raises(HubError) as caught:
        app_settings.load(tmp_path, variables)
    assert caught.value.code == "app_settings_bad" and caught.value.details["line"] == 3 and not variables
    name, _, value = line.partition("=")
    with pytest.raises(HubError):
        app_settings.text({name: value})


@pytest.mark.parametrize(
    "url", ["", "github.com/me/app", "https://me:tok@github.com/me/app", "ssh://git@x/me/app", "http://x/me"]
)
def test_what_is_no_git_repo_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(HubError) as caught:
        remote(url)
    assert caught.value.code == "hub_remote_bad" and caught.value.details == {}


@pytest.mark.real
def test_the_command_prepares_and_pushes_the_app_once_and_tells_no_token(hub: Hub, tmp_path: Path) -> None:
    variables = {**os.environ, "GITHUB_TOKEN": TOKEN, "GIT_TRACE": "1"}
    to = tmp_path / "app"
    command = [
        sys.executable,
        "-m",
        "hub",
        "publish",
        "user/model",
        "--to",
        str(to),
        "--push",
        f"{hub.url}/user/new.git",
    ]
    done = subprocess.run([*command, "--json"], cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    bare = hub.folder / "user/new.git"
    assert git(bare, "rev-parse", "main").decode().strip() == told["pushed"] and hub.uploaded == []
    assert b"MODEL_REPO=user/model" in git(bare, "show", "main:studio.env")
    assert git(bare, "ls-tree", "main", "tests/install_tools.sh").startswith(b"100755")
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and file.name != "servers.py"]
    assert TOKEN not in done.stdout + done.stderr and not [each for each in written if TOKEN.encode() in each]

    here = Remote(hub.url, "user/new")
    kit = app_kit.Kit(to, tuple(git(bare, "ls-tree", "-r", "--name-only", "main").decode().split()))
    kit = app_kit.Kit(to, tuple(name for name in kit.files if name != ".assistant-studio.json"))
    assert not app_kit.push(kit, here, Credentials("user", TOKEN)).changed
    with pytest.raises(HubError, match="hub_token_refused"):
        app_kit.push(kit, here, Credentials("user", "wrong"))
    shutil.rmtree(to)

    variables["GITHUB_TOKEN"] = "wrong"
    refused = subprocess.run([*command, "--zip"], cwd=ROOT, env=variables, capture_output=True, text=True)
    assert refused.returncode == 1 and not to.exists() and not to.with_name("app.zip").exists()
