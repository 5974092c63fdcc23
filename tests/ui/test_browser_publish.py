"""A trained model published on the page in Debian's chromium; the hub is a git and git-lfs server on 127.0.0.1."""

from __future__ import annotations

import re
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.servers import TOKEN, Hub, git
from tests.hub.test_push import hub as hub
from tests.training.conftest import wait_for
from tests.training.exam.test_certificate import run as run
from tests.training.models.tiny import write_talker
from tests.training.published import RUN, compared, put_run
from tests.ui.test_browser import LOCALES, Visit, Walk
from training import publishing

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def shop(hub: Hub, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The server, and a finished run; asked for before the page is started, which has to know both."""
    for name in ("OPENXLAB_TOKEN", "OPENXLAB_USER", "MODEL_REPO"):
        monkeypatch.delenv(name, raising=False)
    compared(put_run(run, write_talker(tmp_path / "talker")), 168, 160)
    yield hub
    publishing.cancel()


def fill(walk: Walk, repo: str, token: str) -> None:
    walk.field("publish.repo").fill(repo)
    walk.field("publish.token").fill(token)
    walk.press("publish.push")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_model_is_published_after_its_licence_and_merge_were_told(
    shop: Hub, visit: Visit, own_home: Path, language: str
) -> None:
    walk = Walk(visit(LOCALES[language]), language)
    walk.tab("chat")
    walk.page.get_by_role("button", name=walk.says("publish.title")).click()
    wait_for(lambda: "Robin" in walk.field("publish.run").input_value(), 60)
    fill(walk, "nobody", TOKEN)
    walk.sees(walk.says("error.hub_address_bad", source="openxlab:nobody"))
    fill(walk, "user/new", "wrong-token")
    walk.sees(walk.says("publish.parity_differs", equal=160, asked=168))
    walk.sees(walk.says("card.licence_unknown"))
    assert shop.asked == []
    walk.press("publish.yes")
    walk.sees(walk.says("error.hub_token_refused", hub="OpenXLab", repo="user/new"), 60)
    assert walk.field("publish.token").input_value() == ""

    shop.holds = threading.Event()
    fill(walk, "user/new", TOKEN)
    walk.press("publish.yes")
    wait_for(lambda: any(command == "PUT" for command, _, _ in shop.asked), 60)
    walk.page.reload()
    walk.tab("chat")
    walk.press("publish.cancel")
    wait_for(lambda: publishing.look() is None, 60)
    shop.holds.set()
    assert not (shop.folder / "user/new.git/refs/heads/main").exists()

    shop.holds = None
    walk.page.get_by_role("button", name=walk.says("publish.title")).click()
    wait_for(lambda: "Robin" in walk.field("publish.run").input_value(), 60)
    fill(walk, "user/new", TOKEN)
    walk.press("publish.yes")
    link = walk.page.get_by_role("link", name=f"{shop.url}/user/new")
    link.wait_for()
    walk.sees(re.compile(re.escape(git(shop.folder / "user/new.git", "rev-parse", "main").decode()[:10])))
    assert TOKEN not in walk.page.content()
    written = [file.read_bytes() for file in own_home.rglob("*") if file.is_file()]
    assert not [each for each in written if TOKEN.encode() in each]
    walk.page.reload()
    walk.tab("chat")
    link.wait_for()
    assert RUN in (publishing.look() or publishing.Look("", "")).run


def test_the_hosted_app_is_downloaded_or_pushed_and_what_is_left_is_said(
    shop: Hub, visit: Visit, tmp_path: Path, own_home: Path
) -> None:
    walk = Walk(visit(LOCALES["zh"]), "zh")
    walk.tab("chat")
    walk.page.get_by_role("button", name=walk.says("publish.title")).click()
    walk.page.get_by_role("button", name=walk.says("host.title")).click()
    walk.press("host.prepare")
    walk.sees(walk.says("error.hub_address_bad", source="openxlab:"))
    walk.field("publish.repo").fill("user/model")
    walk.press("host.prepare")
    walk.sees("MODEL_REPO=user/model")
    with walk.page.expect_download() as downloading:
        walk.press("host.download")
    downloading.value.save_as(tmp_path / "app.zip")
    with zipfile.ZipFile(tmp_path / "app.zip") as packed:
        assert {"model-app/app.py", "model-app/studio.env", "model-app/DEPLOY.md"} <= {*packed.namelist()}

    walk.field("host.url").fill(f"{shop.url}/user/new.git")
    walk.field("host.token").fill("wrong-token")
    walk.press("host.push")
    walk.sees(walk.says("error.hub_token_refused", hub=shop.url.partition("://")[2], repo="user/new"), 60)
    assert walk.field("host.token").input_value() == ""
    walk.field("host.token").fill(TOKEN)
    walk.press("host.push")
    walk.sees(walk.says("host.pushed", url=f"{shop.url}/user/new"), 60)
    assert b"MODEL_REPO=user/model" in git(shop.folder / "user/new.git", "show", "main:studio.env")
    assert not [file for file in own_home.rglob("*") if file.is_file() and TOKEN.encode() in file.read_bytes()]
    walk.page.get_by_label("English", exact=True).first.check()
    walk.sees("Put the assistant online")
