"""The hosted app as OpenXLab runs it: a clean copy of the prepared folder, started from elsewhere, no GPU, no HOME,
nothing to write to but its folder (Landlock sees to that), and nothing told but by studio.env and variables.

Not covered: the platform's own pip and apt, which would take minutes; the packages are those of this environment.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from safetensors.numpy import load_file, save_file

from hub import app_kit
from hub.address import Address, parse
from tests import confined
from tests.hub.conftest import offered
from tests.hub.servers import Hub
from tests.training.models.tiny import write_talker
from tests.training.models.tiny_padded import padded
from tests.ui.conftest import PATIENCE, end, free_port
from training.hosted import name_of

MODEL = name_of(parse("openxlab:user/model"))
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def git_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub with a small model as user/model, which says "a" to everything."""
    model = padded(write_talker(tmp_path / "talker"))
    weights = load_file(model / "model.safetensors")
    weights["model.embed_tokens.weight"][2] = 2
    save_file(weights, model / "model.safetensors")
    yield from offered("openxlab", tmp_path, monkeypatch, model)


@contextmanager
def running(app: Path, log: Path) -> Iterator[str]:
    """The app's address while it runs; it may have left no traceback."""
    port = free_port()
    variables = {"PATH": os.environ["PATH"], "HOME": "/", "CUDA_VISIBLE_DEVICES": "", "GRADIO_SERVER_PORT": str(port)}
    variables["GRADIO_SERVER_NAME"] = "127.0.0.1"
    command = [sys.executable, str(app / "app.py")]
    if _confines():
        command = [sys.executable, confined.__file__, f"{app}:/dev", *command]
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd="/", env=variables, stdout=output, stderr=output)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        end(process)
    assert "Traceback" not in log.read_text(encoding="utf-8"), log.read_text(encoding="utf-8")


def _confines() -> bool:
    """Whether this kernel can keep a program from writing elsewhere."""
    tried = subprocess.run([sys.executable, confined.__file__, "/dev", sys.executable, "-c", ""], capture_output=True)
    return tried.returncode != confined.UNAVAILABLE


def healthy(address: str, wanted: Callable[[dict[str, Any]], bool], log: Path) -> dict[str, Any]:
    """What /health says once it is as wanted."""
    deadline = time.monotonic() + 120
    while True:
        try:
            told: dict[str, Any] = json.load(urllib.request.urlopen(f"{address}/health", timeout=5))
            if wanted(told):
                return told
        except OSError:
            told = {}
        assert time.monotonic() < deadline, (told, log.read_text(encoding="utf-8"))
        time.sleep(0.2)


def test_the_prepared_app_comes_up_pulls_its_model_chats_and_knows_it_after_a_restart(
    git_hub: Hub, chromium: Any, tmp_path: Path
) -> None:
    kit = app_kit.prepare(Address("openxlab", "user/model"), tmp_path / "kit")
    app, log = tmp_path / "somewhere" / "app", tmp_path / "app.out"
    shutil.copytree(kit.folder, app)
    with running(app, log) as address:
        healthy(address, lambda told: told["model"] == MODEL, log)
        page = chromium.new_context(locale="en-US").new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(address)
        box = page.get_by_role("textbox", name="Message", exact=True)
        box.fill("a b a")
        box.press("Enter")
        expect(page.get_by_test_id("bot").first).to_contain_text("a a a")
        page.context.close()
    asked = len(git_hub.asked)
    with running(app, log) as address:
        healthy(address, lambda told: told["model"] == MODEL, log)
    assert len(git_hub.asked) == asked
