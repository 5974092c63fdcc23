"""What befalls machines: a full disk, a clock that is set, a restart, cut-off files, processes that multiply."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.training.conftest import Behave, ended, processes_of, wait_for
from training import merge, models, process, runs
from training.recipe import Recipe
from training.runs import progress, status

PLAN = Recipe(steps=40, save_every=5)


@pytest.fixture
def small_disk(own_home: Path) -> Iterator[Path]:
    """HOME on a disk of 4 MB."""
    own_home.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(own_home)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield own_home
    subprocess.run(["umount", "--lazy", str(own_home)], check=True)


def fill(disk: Path) -> Path:
    """A stranger's file that takes the last byte."""
    with (disk / "filler").open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return disk / "filler"


def started(who: str, tiny: str, step: int = 7, plan: Recipe = PLAN) -> str:
    run = runs.start(who, tiny, plan)
    wait_for(lambda: runs.look(run).step >= step)
    return run


def test_a_full_disk_is_told_and_costs_no_checkpoint_and_after_room_was_made_the_run_goes_on(
    small_disk: Path, fake_xtuner: Behave, who: str, tiny: str
) -> None:
    fake_xtuner("brisk")
    run = started(who, tiny)
    filler = fill(small_disk)
    final = ended(run)
    assert status.read(runs.folder(run)) == final  # its last word was written, not guessed
    assert final.phase == "failed" and final.reason and final.reason["reason"] == "disk_full"
    assert all(word in final.reason_sentence("zh") for word in ("磁盘满了", "继续"))
    wait_for(lambda: not processes_of(small_disk))
    whole = merge.whole_checkpoints(runs.folder(run) / "work")
    assert whole and 5 in whole
    filler.unlink()
    runs.resume(run)
    assert ended(run).phase == "done" and runs.merged(run)


def test_a_run_that_cannot_be_started_on_a_full_disk_says_so_and_leaves_nothing(
    small_disk: Path, fake_xtuner: Behave, who: str, tiny: str
) -> None:
    from training.errors import UserError

    (small_disk / "runs").mkdir()
    (small_disk / "runs" / ".lock").touch()
    fill(small_disk)
    with pytest.raises(UserError) as caught:
        runs.start(who, tiny, PLAN)
    assert caught.value.code == "disk_full" and runs.names() == []


def test_a_clock_that_is_set_back_spoils_neither_times_nor_order(
    fake_xtuner: Behave, who: str, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_CLOCK_JUMP", "-86400 0.8")  # every process of the run, 0.8 s after its start
    fake_xtuner("brisk")
    run = started(who, tiny, 30)
    runs.stop(run)
    stopped = runs.look(run)
    assert stopped.finished and stopped.finished < time.time() - 80_000
    assert 0 < stopped.seconds["training"] < 30 and stopped.elapsed_seconds < 60
    monkeypatch.delenv("FAKE_CLOCK_JUMP")
    runs.resume(run)
    final = ended(run)
    assert final.phase == "done" and 0 < sum(final.seconds.values()) < 60
    assert [point.step for point in progress.points(runs.folder(run))] == list(range(1, 41))


def test_a_restarted_machine_ends_its_runs_politely_and_they_say_so(
    fake_xtuner: Behave, who: str, tiny: str, own_home: Path
) -> None:
    fake_xtuner("brisk")
    run = started(who, tiny)
    for each in processes_of(own_home):  # what an init system does to everybody
        with suppress(psutil.NoSuchProcess):  # it went with another one
            each.send_signal(signal.SIGTERM)
    final = ended(run)
    assert final.phase == "failed" and final.reason and final.reason["reason"] in ("run_ended", "trainer_ended")
    wait_for(lambda: not processes_of(own_home))
    runs.resume(run)
    assert ended(run).phase == "done"


def test_after_a_restart_the_pid_of_a_run_may_be_somebody_elses(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("brisk")
    run = started(who, tiny)
    os.kill(runs.look(run).pid, signal.SIGKILL)
    ended(run)
    file = runs.folder(run) / "status.json"
    values = json.loads(file.read_text())
    other_boot = "00000000-0000-0000-0000-000000000000:" + (process.start_mark(os.getpid()) or "").partition(":")[2]
    file.write_text(json.dumps({**values, "pid": os.getpid(), "mark": other_boot}))
    assert runs.look(run).phase == "failed"
    assert runs.stop(run).phase == "failed"  # and this process was told nothing
    runs.resume(run)
    assert ended(run).phase == "done"


@pytest.mark.parametrize("name", ["status.json", "phases.jsonl", "scalars.json", "iter_5.pth", "queue.json"])
@pytest.mark.parametrize("share", [0, 0.5])
def test_a_file_that_was_cut_off_is_survived(
    fake_xtuner: Behave, who: str, tiny: str, own_home: Path, name: str, share: float
) -> None:
    fake_xtuner("brisk")
    run = started(who, tiny)
    (file,) = (own_home / "runs").rglob(name)
    os.truncate(file, int(share * file.stat().st_size))
    now = runs.look(run)
    assert now.live and process.is_alive(now.pid, now.mark)
    assert now.reason is None
    os.kill(now.pid, signal.SIGKILL)
    assert ended(run).phase == "failed"
    os.truncate(file, int(share * file.stat().st_size)) if file.exists() else None
    assert runs.look(run).phase == "failed" and runs.look(run).reason_sentence("en")
    progress.points(runs.folder(run))
    assert runs.resumable(run) is None
    runs.resume(run)
    final = ended(run)
    assert (final.phase, final.step) == ("done", 40)
    models.check(runs.folder(run) / "merged")


def test_a_fork_bomb_of_workers_is_caught(fake_xtuner: Behave, who: str, tiny: str, own_home: Path) -> None:
    fake_xtuner("bomb")
    run = started(who, tiny, 3, Recipe(steps=400, save_every=50))
    wait_for(lambda: len(processes_of(own_home)) > 8)
    began = time.monotonic()
    assert runs.stop(run).phase == "stopped"
    assert not processes_of(own_home) and time.monotonic() - began < 30


def test_what_a_killed_run_left_running_is_ended_before_the_next_start(
    fake_xtuner: Behave, who: str, tiny: str, own_home: Path
) -> None:
    fake_xtuner("workers")
    run = started(who, tiny, 3, Recipe(steps=400, save_every=50))
    guard = process.guardian(runs.look(run).pid)
    assert guard is not None
    os.killpg(guard.pid, signal.SIGKILL)  # run and guardian at one blow; the workers are in sessions of their own
    assert ended(run).phase == "failed"
    left = processes_of(own_home)
    assert left
    fake_xtuner("ok")
    assert ended(runs.start(who, tiny, Recipe(steps=1))).phase == "done"
    assert not psutil.wait_procs(left, timeout=5)[1]


def test_a_run_process_that_was_killed_takes_workers_with_it_that_left_its_session(
    fake_xtuner: Behave, who: str, tiny: str, own_home: Path
) -> None:
    fake_xtuner("workers")
    run = started(who, tiny, 3, Recipe(steps=400, save_every=50))
    assert len(processes_of(own_home)) >= 6
    os.kill(runs.look(run).pid, signal.SIGKILL)
    wait_for(lambda: not processes_of(own_home), 10)
    assert ended(run).phase == "failed"


def test_a_start_that_was_killed_leaves_no_half_run(fake_xtuner: Behave, who: str, tiny: str, own_home: Path) -> None:
    half = own_home / "runs" / "20260101-000000-who-abcd"
    (half / "work").mkdir(parents=True)
    gone = own_home / "runs" / ".deleted-20260101-000000-who-abce"
    gone.mkdir()
    (gone / "spec.json").write_text("{}")  # killed before it could be removed
    assert runs.names() == []
    ended(runs.start(who, tiny, Recipe(steps=1)))
    assert not half.exists() and not gone.exists() and len(runs.names()) == 1
