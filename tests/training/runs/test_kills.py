"""kill -9 at random moments, seeded: of the run, its guardian, the trainer, all at once, or who just starts or resumes.

After each: what is shown is true, no process is left, no finished artefact is damaged, and the run goes on.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path

import psutil
import pytest

from tests.training.conftest import Behave, ended, processes_of, wait_for
from training import home, merge, models, process, runs
from training.errors import UserError
from training.recipe import Recipe
from training.runs import progress, status

PLAN = Recipe(steps=100, save_every=5)
KILLS = 10
SEEDS = [0, 1, *(pytest.param(seed, marks=pytest.mark.real) for seed in (2, 3, 4))]
TARGETS = ("run", "run", "trainer", "trainer", "guardian", "group", "app")


class Chain:
    """One run that is killed, looked at and resumed, again and again."""

    def __init__(self, seed: int, who: str, tiny: str, own_home: Path) -> None:
        self.dice, self.who, self.tiny, self.home = random.Random(seed), who, tiny, own_home
        self.kills = 0
        self.seen: Counter[str] = Counter()
        self.run = runs.start(who, tiny, PLAN)

    def kill_once(self) -> None:
        time.sleep(self.dice.uniform(0, 0.8))
        target = self.dice.choice(TARGETS)
        finished = self.artefacts()
        now = runs.look(self.run)
        if target == "app":
            runs.stop(self.run)
            self.kill_a_starting_app()
            self.kills += 1
        elif now.live:
            self.kill(target, now)
            self.kills += 1
        self.true_state(target)
        self.whole(finished)
        self.go_on(target)

    def artefacts(self) -> dict[Path, str]:
        """What is finished, with its content: a kill may not touch it."""
        folder = runs.folder(self.run)
        found = list(merge.whole_checkpoints(folder / "work").values())
        found += [file for file in folder.glob("merged/*") if file.is_file()]
        return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}

    def kill(self, target: str, now: status.RunStatus) -> None:
        guard = process.guardian(now.pid)
        if target == "run":
            os.kill(now.pid, signal.SIGKILL)
            wait_for(lambda: not process.is_alive(now.pid, now.mark))
        elif target == "trainer":
            for child in psutil.Process(now.pid).children():
                child.kill()
        elif target == "group" and guard:
            os.killpg(guard.pid, signal.SIGKILL)
            wait_for(lambda: not process.is_alive(now.pid, now.mark))
        elif guard:
            guard.kill()
            wait_for(lambda: not guard.is_running())
            assert runs.look(self.run).pid == now.pid  # nobody needs the guardian
            runs.stop(self.run)

    def kill_a_starting_app(self) -> None:
        command = [sys.executable, "-m", "training", "resume", self.run]
        if runs.look(self.run).phase == "done":
            command = [sys.executable, "-m", "training", "start", "--dataset", self.who, "--model", self.tiny]
        app = subprocess.Popen(command, cwd=home.ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.dice.uniform(0.2, 1.2))
        app.kill()
        app.wait()

    def true_state(self, target: str) -> None:
        """A live run has its process; when it is not live, there is none."""
        if target == "trainer":  # the run process tells about it, or goes on where that child does not matter
            wait_for(lambda: not runs.look(self.run).live, 20)
        for run in runs.names():
            now = runs.look(run)
            if now.live:
                assert process.is_alive(now.pid, now.mark)
            else:
                assert now.phase == "done" or (now.reason_sentence("zh") and now.reason_sentence("en"))
            if run == self.run:
                self.seen[f"{target}: {now.phase} {(now.reason or {}).get('reason', '')}".strip()] += 1
        if not any(runs.look(run).live for run in runs.names()):
            wait_for(lambda: not processes_of(self.home) or any(runs.look(run).live for run in runs.names()), 10)

    def whole(self, finished: dict[Path, str]) -> None:
        for path, digest in finished.items():
            assert hashlib.sha256(path.read_bytes()).hexdigest() == digest, path
        for path in merge.whole_checkpoints(runs.folder(self.run) / "work").values():
            with zipfile.ZipFile(path) as archive:
                assert archive.testzip() is None
        merged = runs.merged(self.run)
        if merged:
            models.check(merged)

    def go_on(self, target: str) -> None:
        """Resume works, or says why not."""
        busy = runs.active()
        if busy and busy != self.run:
            runs.stop(busy)  # an app started it before it died
        why = runs.resumable(self.run)
        try:
            if why is None:
                runs.resume(self.run)
            elif why.code == "resume_done":
                self.run = runs.start(self.who, self.tiny, PLAN)
            else:
                raise why
        except UserError as error:
            assert target == "app" and error.code == "run_active"  # the app did it, just now


@pytest.mark.parametrize("seed", SEEDS)
def test_ten_kills_later_a_run_still_ends_as_if_nothing_had_been(
    fake_xtuner: Behave, who: str, tiny: str, own_home: Path, seed: int
) -> None:
    fake_xtuner("brisk")
    chain = Chain(seed, who, tiny, own_home)
    while chain.kills < KILLS:
        chain.kill_once()
    final = ended(chain.run)
    assert (final.phase, final.step) == ("done", 100), final
    assert [point.step for point in progress.points(runs.folder(chain.run))] == list(range(1, 101))
    merged = runs.merged(chain.run)
    assert merged is not None
    models.check(merged)
    wait_for(lambda: not processes_of(own_home))
    assert not [path for path in runs.folder(chain.run).iterdir() if path.name.startswith((".merged", ".adapter"))]
    print(f"seed {seed}: {chain.kills} kills: {dict(chain.seen)}")
