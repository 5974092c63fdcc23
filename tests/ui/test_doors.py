"""The page's public doors, through gradio_client, against a real `python app.py`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.training.conftest import fake_xtuner as fake_xtuner
from tests.training.conftest import tiny as tiny
from tests.training.conftest import wait_for
from tests.training.conftest import who as who
from tests.ui.conftest import end, free_port, serve
from training import home, runs

pytestmark = pytest.mark.doors
DOORS = {"/build_dataset", "/start_run", "/run_status", "/stop_run", "/chat"}


@pytest.fixture
def client(fake_xtuner: Any, app: str) -> Iterator[Any]:
    from gradio_client import Client

    client = Client(app, verbose=False)
    yield client
    client.close()


def refusal(client: Any, *arguments: Any, door: str) -> str:
    from gradio_client.exceptions import AppError

    with pytest.raises(AppError) as caught:
        client.predict(*arguments, api_name=door)
    return str(caught.value)


def test_only_the_doors_are_public(client: Any) -> None:
    assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == DOORS
    assert client.view_api(return_format="dict", print_info=False)["unnamed_endpoints"] == {}


def test_a_script_builds_starts_and_watches(client: Any, tiny: str) -> None:
    made = client.predict("小明", "张三", api_name="/build_dataset")
    assert made["dataset"] == "小明" and made["rows"] == made["unique"] > 300
    run = client.predict("小明", tiny, api_name="/start_run")["run"]
    wait_for(lambda: not client.predict(run, api_name="/run_status")["live"], seconds=120)
    final = client.predict(run, api_name="/run_status")
    assert final["phase"] == "done" and Path(final["model"]).is_dir() and final["reason"] is None


def test_what_is_wrong_is_a_sentence_and_not_a_traceback(client: Any) -> None:
    assert "name" in refusal(client, "", "张三", door="/build_dataset")
    assert "nobody" in refusal(client, "nobody", "starter", door="/start_run")
    assert "There is no run ../x" in refusal(client, "../x", door="/run_status")


def test_a_run_survives_the_death_of_the_page(
    fake_xtuner: Any, who: str, tiny: str, own_home: Path, tmp_path: Path
) -> None:
    from gradio_client import Client

    fake_xtuner("long")
    port = free_port()
    process = serve(port, tmp_path / "first.out")
    client = Client(f"http://127.0.0.1:{port}", verbose=False)
    run = client.predict(who, tiny, api_name="/start_run")["run"]
    client.close()
    process.kill()
    process.wait()
    assert runs.look(run).live
    process = serve(port, tmp_path / "second.out")
    try:
        client = Client(f"http://127.0.0.1:{port}", verbose=False)
        assert client.predict(run, api_name="/run_status")["live"]
        assert client.predict(run, api_name="/stop_run")["phase"] == "stopped"
        client.close()
    finally:
        end(process)


def refused_start(tmp_path: Path, *arguments: str) -> str:
    """What `python app.py` says on stderr when it cannot begin."""
    command = [sys.executable, str(home.ROOT / "app.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 2  # zh and en
    return done.stderr


def test_a_taken_port_is_one_sentence_in_each_language(app: str, tmp_path: Path) -> None:
    port = app.rpartition(":")[2]
    assert port in refused_start(tmp_path, "--port", port)


def test_an_interrupt_at_any_moment_of_the_start_is_no_traceback(own_home: Path, tmp_path: Path) -> None:
    for tenths in range(8, 40, 4):
        log = tmp_path / f"{tenths}.out"
        with log.open("wb") as output:
            command = [sys.executable, str(home.ROOT / "app.py"), "--port", str(free_port())]
            process = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=output)
        time.sleep(tenths / 10)
        end(process)
        assert process.returncode in (0, -signal.SIGINT), tenths
        assert "Traceback" not in log.read_text(encoding="utf-8"), (tenths, log.read_text(encoding="utf-8"))


def test_a_home_that_cannot_be_written_is_one_sentence_in_each_language(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    where = str(tmp_path / "file" / "home")
    assert where in refused_start(tmp_path, "--home", where, "--port", str(free_port()))


def test_the_page_comes_without_torch(own_home: Path, tmp_path: Path) -> None:
    port, began = free_port(), time.monotonic()
    process = serve(port, tmp_path / "app.out")
    print(f"first byte after {time.monotonic() - began:.1f} s")  # a benchmark belongs into tests/bench
    try:
        mapped = {Path(each.path).name for each in psutil.Process(process.pid).memory_maps()}
        assert not [name for name in mapped if name.startswith("libtorch")]
    finally:
        end(process)


def test_files_of_home_are_not_served(app: str, own_home: Path, who: str) -> None:
    import urllib.error
    import urllib.request

    secret = own_home / "datasets" / who / "data.json"
    assert secret.is_file()
    for path in (secret, home.ROOT / "requirements.txt", Path("/etc/passwd"), Path(os.path.relpath("/etc/passwd"))):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{app}/gradio_api/file={path}", timeout=10)
        assert caught.value.code in (403, 404)
