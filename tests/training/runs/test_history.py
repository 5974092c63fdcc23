from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.training.conftest import Behave, ended, wait_for
from training import dataset, home, merge, runs
from training.errors import UserError
from training.exam import recommendation
from training.recipe import Recipe


@pytest.fixture
def done(fake_xtuner: Behave, who: str, tiny: str) -> str:
    """A finished run with five checkpoints."""
    run = runs.start(who, tiny, Recipe(steps=10, save_every=2), "first")
    assert ended(run).phase == "done"
    return run


def refused(code: str, does: object, *arguments: object) -> None:
    with pytest.raises(UserError) as caught:
        does(*arguments)  # type: ignore[operator]
    assert caught.value.code == code and caught.value.sentence("zh") and caught.value.sentence("en")


def test_a_run_gets_another_name_and_a_note_and_keeps_its_settings(done: str) -> None:
    before = runs.spec(done)
    runs.rename(done, "  小明 第二版 ")
    runs.note(done, "lr 太高？\n")
    after = runs.spec(done)
    assert (after["name"], after["note"]) == ("小明 第二版", "lr 太高？")
    assert {**after, "name": "first"} == {**before, "note": "lr 太高？"}
    refused("run_name_bad", runs.rename, done, " \n ")
    refused("run_name_bad", runs.rename, done, "x" * 81)
    refused("run_note_too_long", runs.note, done, "x" * 4001)
    refused("run_missing", runs.rename, "nobody", "x")


def test_the_size_is_what_deleting_frees(done: str) -> None:
    file = runs.folder(done) / "work" / "big"
    before = runs.size(done)
    file.write_bytes(b"x" * 1_000_000)
    assert 1_000_000 <= runs.size(done) - before < 1_010_000
    assert (runs.folder(done) / "data.json").stat().st_nlink == 2  # the dataset keeps it: it frees nothing
    runs.delete(done)
    assert runs.names() == [] and dataset.load("who") and not list((home.runs_dir()).glob("*done*"))


def test_cleaning_up_keeps_the_recommended_and_the_last_checkpoint_and_the_model(done: str) -> None:
    folder = runs.folder(done)
    (folder / "exam").mkdir(exist_ok=True)
    recommendation.save(folder, recommendation.Recommendation(4, 4, "best"))
    before = runs.size(done)
    freed = runs.clean_up(done)
    assert set(merge.whole_checkpoints(folder / "work")) == {4, 10}
    assert freed == before - runs.size(done) > 0
    assert runs.merged(done) and (folder / "adapter").is_dir()
    assert runs.clean_up(done) == 0


def test_cleaning_up_a_lost_run_keeps_the_checkpoint_to_go_on_from(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("nan")
    run = runs.start(who, tiny, Recipe(steps=200, save_every=2))
    assert ended(run).phase == "failed" and runs.resume_point(run) == 4
    runs.clean_up(run)
    assert runs.resume_point(run) == 4
    assert set(merge.whole_checkpoints(runs.folder(run) / "work")) > {4}


def test_a_live_run_is_neither_cleaned_up_nor_deleted(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("slow")
    run = runs.start(who, tiny, Recipe(steps=400, save_every=2))
    wait_for(lambda: runs.look(run).step >= 1)
    refused("run_active", runs.clean_up, run)
    refused("run_active", runs.delete, run)
    assert runs.size(run) > 0 and runs.look(run).live


def test_a_half_written_deepspeed_checkpoint_is_not_whole(tmp_path: Path) -> None:
    for iteration in (5, 10, 20):
        for name in ("mp_rank_00_model_states.pt", "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt"):
            part = tmp_path / f"iter_{iteration}.pth" / name
            part.parent.mkdir(exist_ok=True)
            with zipfile.ZipFile(part, "w") as archive:
                archive.writestr("data", b"x" * 1000)
        if iteration == 10:
            part.write_bytes(part.read_bytes()[:-50])
    part.unlink()  # no process has written its own yet
    (tmp_path / "iter_15.pth").mkdir()
    assert list(merge.whole_checkpoints(tmp_path)) == [5]
