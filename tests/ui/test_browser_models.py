"""A model from a hub, added on the page in Debian's chromium; the hub is a git server on 127.0.0.1."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub.conftest import offered
from tests.hub.servers import TOKEN, Hub
from tests.training.conftest import wait_for
from tests.training.models.tiny import write_talker
from tests.training.models.tiny_padded import padded
from tests.ui.test_browser import LOCALES, Visit, Walk
from training import models
from training.models import adding

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def git_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """Asked for before the page is started, which has to know its address."""
    yield from offered("openxlab", tmp_path, monkeypatch, padded(write_talker(tmp_path / "talker")))
    adding.cancel()


def add(walk: Walk, source: str, token: str = "") -> None:
    walk.tab("train")
    walk.page.get_by_role("button", name=walk.says("models.title")).click()
    walk.field("models.source").fill(source)
    walk.field("models.token").fill(token)
    walk.press("models.add")


def test_a_model_is_fetched_while_the_page_is_loaded_again_and_is_chosen_then(git_hub: Hub, visit: Visit) -> None:
    git_hub.waits = threading.Event()
    walk = Walk(visit(LOCALES["zh"]), "zh")
    add(walk, "openxlab:user/model")
    walk.sees(re.compile("正在下载 model.safetensors"))
    walk.page.reload()
    walk.tab("train")
    walk.sees(re.compile("正在下载 model.safetensors"))
    git_hub.waits.set()
    walk.sees(walk.says("models.added", name="model"))
    assert "model" in models.names()
    wait_for(lambda: walk.field("train.model").input_value() == "model", 60)


def test_a_private_model_says_why_it_failed_and_a_fetch_is_cancelled(
    git_hub: Hub, visit: Visit, own_home: Path
) -> None:
    git_hub.private = True
    git_hub.waits = threading.Event()
    walk = Walk(visit(LOCALES["en"]), "en")
    add(walk, "openxlab:user/model", "wrong")
    walk.sees(re.compile("openxlab:user/model was not added. OpenXLab refused the token"))
    walk.field("models.token").fill(TOKEN)
    walk.press("models.add")
    walk.sees(re.compile("Fetching model.safetensors"))
    assert walk.field("models.token").input_value() == ""
    walk.press("models.cancel")
    wait_for(lambda: adding.look() is None, 60)
    git_hub.waits.set()
    assert models.names() == ["starter"] and not list((own_home / "models" / ".fetched").iterdir())
    walk.page.get_by_text(re.compile("Fetching model")).wait_for(state="hidden")
