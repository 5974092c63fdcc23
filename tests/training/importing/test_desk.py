"""An import in a process of its own, as the page sees it."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import wait_for
from tests.training.importing.conftest import chat
from training import dataset, errand, home
from training import process as processes
from training.errors import UserError
from training.files import read_json, write_json
from training.importing import child, desk, intake, staging
from training.persona import Persona


def ended(name: str) -> desk.Look:
    wait_for(lambda: not desk.look(name).live)
    return desk.look(name)


def long_file(place: Path) -> Path:
    """A file that takes some seconds to read."""
    line = json.dumps(chat("q", "a" * 200)) + "\n"
    (place / "big.jsonl").write_text(line * 200_000)
    return place / "big.jsonl"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "data.json"
    made.write_text(json.dumps([chat("你是谁", "我是{{name}}"), chat("a", ""), chat("c", "d")]))
    return made


def test_a_file_is_read_looked_at_and_saved(file: Path) -> None:
    name = desk.start(file, Persona("小明", "张三"))
    report = ended(name).report
    assert report and (report.rows, report.bad, report.filled) == (2, 1, 1) and report.problems[0].code == "empty"
    assert desk.problem_list(name, "zh").is_file()
    desk.save(name, "mine")
    assert [row.kind for row in dataset.load("mine")] == ["identity", "general"]
    assert dataset.card("mine")["persona"]["name"] == "小明"
    left = sorted(path.name for path in staging.imports_dir().iterdir())
    assert left == ["mine.problems.en.csv", "mine.problems.zh.csv"]
    with pytest.raises(UserError) as caught:
        desk.look(name)
    assert caught.value.code == "import_not_there"


def test_a_file_may_have_a_name_that_is_no_text(tmp_path: Path) -> None:
    file = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + "数据.json".encode("gbk")))
    file.write_text(json.dumps([chat("a", "b")]))
    report = ended(desk.start(file)).report
    assert (
        report
        and report.rows == 1
        and report.file == file.name.encode(errors="surrogateescape").decode(errors="replace")
    )
    file.write_text("[1]")
    error = ended(desk.start(file)).error
    assert error and error.code == "import_json_shape" and error.sentence("zh").encode()


def test_a_full_disk_is_a_sentence_from_the_beginning(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staging.imports_dir()

    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as change:
        change.setattr(staging.tempfile, "mkdtemp", full)
        with pytest.raises(UserError) as caught:
            desk.start(file)
    assert caught.value.code == "disk_full" and str(staging.imports_dir()) in caught.value.sentence("zh")
    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(UserError) as caught:
        home.models_dir()
    assert caught.value.code == "disk_full"


def test_what_is_wrong_with_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04rubbish")
    error = ended(desk.start(tmp_path / "a.zip")).error
    assert error and error.code == "import_zip_broken" and "a.zip" in error.sentence("zh")


def test_nothing_is_saved_under_a_bad_name_or_without_good_rows(file: Path, tmp_path: Path) -> None:
    name = desk.start(file)
    ended(name)
    with pytest.raises(UserError):
        desk.save(name, "../up")
    assert ended(name).report
    (tmp_path / "bad.json").write_text('[{"text": "x"}]')
    name = desk.start(tmp_path / "bad.json")
    assert ended(name).report
    with pytest.raises(UserError) as caught:
        desk.save(name, "mine")
    assert caught.value.code == "import_not_there" and dataset.names() == []


def test_a_process_that_is_killed_is_told_and_a_discarded_one_is_gone(tmp_path: Path) -> None:
    big = long_file(tmp_path)
    name = desk.start(big)
    pid, mark = errand.worker(staging.imports_dir() / name)
    wait_for(lambda: desk.look(name).progress.rows > 0)
    os.kill(pid, signal.SIGKILL)
    look = ended(name)
    assert look.error and look.error.code == "import_died" and look.error.sentence("zh")
    name = desk.start(big)
    pid, mark = errand.worker(staging.imports_dir() / name)
    desk.discard(name)
    wait_for(lambda: not processes.is_alive(pid, mark))
    desk.discard(name)
    assert not (staging.imports_dir() / name).exists()


def test_a_reader_does_not_outlive_its_page(tmp_path: Path) -> None:
    code = (
        "import time; from pathlib import Path; from training.importing import desk\n"
        f"print(desk.start(Path({str(long_file(tmp_path))!r})), flush=True); time.sleep(60)"
    )
    page = subprocess.Popen([sys.executable, "-c", code], cwd=home.ROOT, stdout=subprocess.PIPE, text=True)
    name = page.stdout.readline().strip() if page.stdout else ""
    pid, mark = errand.worker(staging.imports_dir() / name)
    assert processes.is_alive(pid, mark)
    page.kill()
    page.communicate()
    wait_for(lambda: not processes.is_alive(pid, mark))
    assert not (staging.imports_dir() / name / "report.json").exists()


@pytest.mark.parametrize(("failure", "code"), [(MemoryError(), "import_memory"), (RuntimeError("x"), "import_died")])
def test_too_much_memory_and_our_own_mistakes_are_sentences(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], failure: Exception, code: str
) -> None:
    def fails(*arguments: Any) -> None:
        raise failure

    monkeypatch.setattr(intake, "take_in", fails)
    monkeypatch.setattr(errand, "limit_memory", lambda most: None)
    folder = staging.new()
    write_json(folder / "request.json", {"file": str(file), "persona": None, "distinct": False, "page": os.getppid()})
    assert child.main(folder) == 1 and read_json(folder / "error.json")["error"] == code
    look = desk.look(folder.name)
    assert look.error and look.error.sentence("zh")


def test_imports_that_nobody_saved_are_removed_after_a_day(file: Path) -> None:
    name = desk.start(file)
    ended(name)
    old = staging.imports_dir() / name
    os.utime(old, (time.time() - 90_000,) * 2)
    ended(desk.start(file))
    assert not old.exists()
