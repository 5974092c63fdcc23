"""Several processes and DeepSpeed with the real XTuner and the real torchrun, on CPUs: a small random Llama learns."""

from __future__ import annotations

import itertools
import os
import shlex
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch

from tests.training.conftest import processes_of, wait_for
from tests.training.models.tiny_llama import write_llama
from tests.ui.conftest import free_port
from training import checkpoint, dataset, home, identity, merge, models, runs
from training.exam import parity
from training.persona import Persona
from training.recipe import Recipe
from training.runs import progress

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

PLAN = Recipe(
    steps=6, save_every=3, batch_size=4, max_length=64, evaluation_inputs=("Who are you?",), evaluation_tokens=2
)


@pytest.fixture
def small(own_home: Path) -> str:
    """The name of a small random base model."""
    write_llama(home.models_dir() / "small")
    return "small"


@pytest.fixture
def sunny() -> str:
    """A saved dataset that has no exam: it would take longer than the training."""
    dataset.save("sunny", identity.build(Persona("Sunny", "O'Hara")))
    return "sunny"


def final(run: str) -> runs.RunStatus:
    wait_for(lambda: not runs.look(run).live, seconds=600)
    return runs.look(run)


def workers(own_home: Path) -> list[psutil.Process]:
    """The training processes that torchrun has started, by their rank."""
    found = {}
    for each in processes_of(own_home):
        try:
            if rank := each.environ().get("RANK"):
                found[int(rank)] = each
        except psutil.Error:
            continue
    return [found[rank] for rank in sorted(found)]


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(replace(PLAN, deepspeed="zero3", method="full", learning_rate=1e-3), id="full-zero3-1"),
        pytest.param(replace(PLAN, deepspeed="zero3", processes=2), id="lora-zero3-2"),
    ],
)
def test_a_run_of_processes_becomes_a_model_that_has_what_its_checkpoint_has(
    small: str, sunny: str, own_home: Path, plan: Recipe
) -> None:
    run = runs.start(sunny, small, plan)
    done = final(run)
    assert (done.phase, done.step) == ("done", plan.steps), done
    folder, merged = runs.folder(run), runs.merged(run)
    kept = merge.whole_checkpoints(folder / "work")
    assert list(kept) == [3, 6] and all(path.is_dir() for path in kept.values())
    assert len(progress.points(folder)) == plan.steps
    assert merged is not None
    models.check(merged)
    assert _weights(merged).keys() == _weights(models.place(small)).keys()
    _same(merged, models.place(small), kept[6], plan)
    wait_for(lambda: not processes_of(own_home))


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    from transformers import AutoModelForCausalLM

    return dict(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).named_parameters())


def _same(merged: Path, base: Path, kept: Path, plan: Recipe) -> None:
    """What XTuner made of the checkpoint is what we read in it, and is not the base any more."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    checkpoint.put(model, base, kept, plan.lora_alpha)
    ours, before = dict(model.named_parameters()), _weights(base)
    for name, made in _weights(merged).items():
        torch.testing.assert_close(made, ours[name].detach(), atol=2e-3, rtol=2e-3)  # the merge is in fp16
    assert any(not torch.equal(ours[name], before[name]) for name in ours)


def test_two_processes_are_stopped_resumed_killed_and_resumed_from_their_folder(
    small: str, sunny: str, own_home: Path
) -> None:
    plan = replace(PLAN, deepspeed="zero2", processes=2, steps=400, save_every=200)
    run = runs.start(sunny, small, plan)
    wait_for(lambda: runs.look(run).step >= 2, seconds=300)
    runs.stop(run, keep=True)
    stopped = final(run)
    kept = merge.whole_checkpoints(runs.folder(run) / "work")
    assert stopped.phase == "stopped" and list(kept) == [stopped.step] and kept[stopped.step].is_dir()
    _same(runs.folder(run) / "merged", models.place(small), kept[stopped.step], plan)
    runs.resume(run)
    wait_for(lambda: runs.look(run).step > stopped.step, seconds=300)
    assert runs.look(run).resumed_from == stopped.step
    os.kill(workers(own_home)[1].pid, signal.SIGKILL)
    failed = final(run)
    assert failed.phase == "failed" and failed.reason and failed.reason["reason"] == "memory_killed", failed
    wait_for(lambda: not processes_of(own_home))
    assert runs.resumable(run) is None and runs.resume_point(run) == stopped.step
    rises = [point.loss for point in progress.points(runs.folder(run))]
    assert len(rises) > stopped.step


@pytest.fixture
def second_machine(own_home: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Runs the line that the page shows for another machine: from another folder, knowing nothing of the app's."""
    started = []

    def start(line: str) -> subprocess.Popen[bytes]:
        words = shlex.split(line)
        told = dict(word.split("=", 1) for word in itertools.takewhile(lambda word: word != "xtuner", words))
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {"PATH": path, "HOME": os.environ["HOME"], "STUDIO_HOME": str(own_home), **told}
        with (own_home / "machine.log").open("ab") as log:
            command = words[len(told) :]
            started.append(subprocess.Popen(command, cwd=own_home, env=environment, stdout=log, stderr=log))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def shown_line(run: str) -> str:
    """What the page tells to start on the other machine."""
    wait_for(lambda: (runs.look(run).note or {}).get("note") == "machines", seconds=60)
    lines = (runs.look(run).note or {})["lines"].splitlines()
    assert len(lines) == 1 and "NODE_RANK=1" in lines[0]
    return str(lines[0])


def test_two_machines_train_one_run_and_the_loss_of_one_is_a_failure_that_can_be_resumed(
    small: str, sunny: str, own_home: Path, second_machine: Callable[[str], subprocess.Popen[bytes]]
) -> None:
    meeting = {"nodes": 2, "address": "127.0.0.1", "port": free_port()}
    plan = replace(PLAN, steps=200, save_every=100, **meeting)
    run = runs.start(sunny, small, plan)
    other = second_machine(shown_line(run))
    wait_for(lambda: runs.look(run).step >= 2, seconds=300)
    assert runs.look(run).note is None
    runs.stop(run, keep=True)
    stopped = final(run)
    assert stopped.phase == "stopped" and 2 <= stopped.step < 200
    assert other.wait(60) == 0
    merged, kept = runs.merged(run), merge.whole_checkpoints(runs.folder(run) / "work")
    assert merged is not None and list(kept) == [stopped.step]
    _same(merged, models.place(small), kept[stopped.step], plan)
    runs.resume(run)
    line = shown_line(run)
    assert f"--resume {runs.folder(run) / 'work'}/iter_{stopped.step}.pth" in line
    other = second_machine(line)
    wait_for(lambda: runs.look(run).step > stopped.step, seconds=300)
    for process in (psutil.Process(other.pid), *psutil.Process(other.pid).children(recursive=True)):
        process.kill()
    failed = final(run)
    assert failed.phase == "failed" and failed.reason and failed.reason["reason"] == "communication", failed
    wait_for(lambda: not processes_of(own_home))
    assert runs.resumable(run) is None and runs.resume_point(run) == stopped.step


def test_qlora_learns_on_this_machine(small: str) -> None:
    dataset.save("again", identity.build(Persona("Sunny", "O'Hara"))[:1] * 40)
    run = runs.start("again", small, replace(PLAN, method="qlora", steps=40, save_every=40, learning_rate=1e-2))
    assert final(run).phase == "done"
    losses = [point.loss for point in progress.points(runs.folder(run))]
    assert statistics.fmean(losses[-8:]) < 0.85 * statistics.fmean(losses[:4])


def test_the_checkpoints_of_deepspeed_sit_the_exam(small: str) -> None:
    persona = Persona("Sunny", "O'Hara", languages=("en",))
    dataset.save("asked", identity.build(persona), persona)
    run = runs.start("asked", small, replace(PLAN, deepspeed="zero2"))
    assert final(run).phase == "done"
    compared = parity.load(runs.folder(run))
    assert compared is not None and compared.asked > 50
