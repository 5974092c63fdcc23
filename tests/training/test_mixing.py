"""A mix in a process of its own, as the page sees it."""

from __future__ import annotations

import os
import signal

import pytest

from tests.training.conftest import wait_for
from tests.training.test_mix import rows
from training import dataset, errand, mixing
from training import process as processes
from training.errors import UserError
from training.importing import staging


@pytest.fixture(autouse=True)
def saved() -> None:
    dataset.save("who", rows("w", 40, "identity"))
    dataset.save("talk", rows("t", 100))


def ended(mixed: str) -> mixing.Look:
    wait_for(lambda: not mixing.look(mixed).live)
    return mixing.look(mixed)


def test_a_mix_becomes_a_dataset_and_leaves_nothing_behind() -> None:
    mixed = mixing.start("both", {"who": 1, "talk": 0.5}, seed=3, distinct=True)
    assert ended(mixed).done and mixing.finish(mixed) == "both"
    assert len(dataset.load("both")) == 90 and dataset.card("both")["origin"]["seed"] == 3
    assert list(staging.imports_dir().iterdir()) == []


def test_what_cannot_be_mixed_is_said_at_once_or_at_its_end() -> None:
    for parts, code in (({}, "mix_nothing"), ({"nobody": 1}, "dataset_missing"), ({"who": 99}, "mix_ratio")):
        with pytest.raises(UserError) as caught:
            mixing.start("both", parts)
        assert caught.value.code == code
    mixed = mixing.start("both", {"who": 0.001})
    error = ended(mixed).error
    assert error and error.code == "mix_empty"
    with pytest.raises(UserError) as caught:
        mixing.finish(mixed)
    assert caught.value.code == "mix_empty" and "both" not in dataset.names()
    with pytest.raises(UserError) as caught:
        mixing.look(mixed)
    assert caught.value.code == "mix_not_there" and caught.value.sentence("zh")


def test_a_long_mix_tells_how_far_it_is_and_can_be_ended_without_a_trace() -> None:
    dataset.save("big", rows("b", 30_000))
    mixed = mixing.start("both", {"big": 20})
    folder = staging.imports_dir() / mixed
    wait_for(lambda: mixing.look(mixed).rows > 0)
    look = mixing.look(mixed)
    assert look.live and look.of == 600_000 and 0 < look.share < 1
    pid, mark = errand.worker(folder)
    mixing.discard(mixed)
    wait_for(lambda: not processes.is_alive(pid, mark))
    assert not folder.exists() and "both" not in dataset.names()


def test_a_mix_that_is_killed_is_told_and_the_old_dataset_stays() -> None:
    dataset.save("big", rows("b", 30_000))
    mixed = mixing.start("who", {"big": 20})
    wait_for(lambda: mixing.look(mixed).rows > 0)
    os.kill(errand.worker(staging.imports_dir() / mixed)[0], signal.SIGKILL)
    error = ended(mixed).error
    assert error and error.code == "mix_died" and error.sentence("zh")
    assert len(dataset.load("who")) == 40
