from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.conftest import Behave, ended, wait_for
from training import machine, merge, runs
from training.errors import UserError
from training.exam import recommendation
from training.files import write_json
from training.recipe import Recipe
from training.runs import progress, resumption, status

PLAN = Recipe(steps=10, save_every=2)


def why_not(run: str) -> str:
    error = runs.resumable(run)
    assert error and error.sentence("zh") and error.sentence("en")
    return error.code


@pytest.fixture
def crashed(fake_xtuner: Behave, who: str, tiny: str) -> str:
    """A run that failed at step 5 of 10; the checkpoint of step 4 is its newest."""
    fake_xtuner("crash")
    run = runs.start(who, tiny, PLAN)
    assert ended(run).phase == "failed"
    fake_xtuner("ok")
    return run


def steps(run: str) -> list[int]:
    return [point.step for point in progress.points(runs.folder(run))]


def test_a_failed_run_goes_on_from_its_last_checkpoint_to_the_same_end(crashed: str) -> None:
    assert (runs.resumable(crashed), runs.resume_point(crashed), runs.continues(crashed)) == (None, 4, True)
    before = runs.look(crashed)
    runs.resume(crashed)
    final = ended(crashed)
    assert (final.phase, final.step, final.total) == ("done", 10, 10)
    assert (final.resumes, final.resumed_from, final.started) == (1, 4, before.started)
    assert final.reason is None and final.seconds["training"] >= before.seconds["training"]
    assert steps(crashed) == list(range(1, 11))
    command = (runs.folder(crashed) / "run.log").read_text().split("\n$ ")[2]
    assert "--resume" in command and "iter_4.pth" in command
    assert [told.phase for told in status.phases(runs.folder(crashed))].count("training") == 2


def test_going_back_further_sets_aside_what_came_after(crashed: str) -> None:
    runs.resume(crashed, checkpoint=2)
    assert ended(crashed).resumed_from == 2
    assert steps(crashed) == list(range(1, 11))
    aside = runs.folder(crashed) / "aside" / "1" / "work"
    assert (aside / "iter_4.pth").is_file() and len(list(aside.glob("*/vis_data/scalars.json"))) == 1
    assert runs.clean_up(crashed) > 0 and not aside.exists()


def test_an_exam_of_a_step_that_was_saved_in_its_middle_is_set_aside_when_it_is_trained_anew(
    crashed: str,
) -> None:
    folder = runs.folder(crashed)
    values = {**runs.spec(crashed), "recipe": {**runs.spec(crashed)["recipe"], "accumulation": 2}}
    write_json(folder / "spec.json", values)
    (folder / "work" / "iter_5.pth").write_bytes((folder / "work" / "iter_4.pth").read_bytes())
    (folder / "exam").mkdir()
    for step, iteration in ((0, 0), (1, 2), (2, 5)):  # stopped in the middle of step 3
        write_json(folder / "exam" / f"step_{step}.json", {"step": step, "iteration": iteration})
    resumption.go_back(folder, 4, {})
    assert {file.name for file in (folder / "exam").glob("step_*")} == {"step_0.json", "step_1.json"}
    assert (folder / "aside" / "1" / "exam" / "step_2.json").is_file()


def test_what_was_recommended_is_set_aside_when_the_training_goes_on(crashed: str) -> None:
    folder = runs.folder(crashed)
    (folder / "exam").mkdir()
    recommendation.save(folder, recommendation.Recommendation(4, 4, "best"))
    resumption.go_back(folder, 10, {})
    assert recommendation.load(folder)  # at its end only the rest is done again
    resumption.go_back(folder, 4, {})
    assert recommendation.load(folder) is None


def test_a_stop_after_going_back_keeps_the_new_work_not_the_old(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("crash")
    run = runs.start(who, tiny, Recipe(steps=60, save_every=10))
    assert ended(run).step == 30
    fake_xtuner("slow")
    runs.resume(run, checkpoint=10)
    wait_for(lambda: 11 <= runs.look(run).step < 30)
    runs.stop(run, keep=True)
    final = ended(run)
    assert final.phase == "stopped" and 11 <= final.step < 30
    assert max(merge.whole_checkpoints(runs.folder(run) / "work")) == final.step


def test_a_stopped_run_can_be_resumed_and_stopped_again(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("slow")
    run = runs.start(who, tiny, PLAN)
    for turn in (1, 2):
        wait_for(lambda turn=turn: runs.look(run).step >= 3 * turn)  # type: ignore[misc]
        runs.stop(run, keep=True)
        assert ended(run).phase == "stopped"
        if turn == 1:
            runs.resume(run)
    assert runs.merged(run) is not None and runs.look(run).resumes == 1
    fake_xtuner("ok")
    runs.resume(run)
    assert ended(run).phase == "done" and steps(run) == list(range(1, 11))


def test_changes_that_the_optimizer_can_follow_go_on_and_are_remembered(crashed: str) -> None:
    runs.resume(crashed, changes={"max_length": 128, "save_every": 5})
    final = ended(crashed)
    assert (final.phase, final.resumed_from) == ("done", 4)
    spec = runs.spec(crashed)
    assert spec["recipe"]["max_length"] == 128 and spec["changes"] == [{"from": 4, "max_length": 128, "save_every": 5}]
    assert "max_length = 128\n" in (runs.folder(crashed) / "config.py").read_text()


def test_a_change_that_was_written_down_by_half_is_whole_when_the_run_goes_on(
    crashed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise UserError("disk_full", path="config.py")

    config = runs.folder(crashed) / "config.py"
    with monkeypatch.context() as broken, pytest.raises(UserError):
        broken.setattr(resumption.stages, "write_configs", full)
        resumption.go_back(runs.folder(crashed), 4, {"learning_rate": 1e-4})
    assert "lr = 0.0001" not in config.read_text()
    runs.resume(crashed)
    assert ended(crashed).phase == "done" and "lr = 0.0001" in config.read_text()


def test_changes_that_it_cannot_follow_begin_anew(crashed: str) -> None:
    changes = {"lora_rank": 8}
    assert not runs.continues(crashed, changes)
    runs.resume(crashed, changes=changes)
    final = ended(crashed)
    assert (final.phase, final.resumed_from, final.step) == ("done", 0, 10)
    assert "--resume" not in (runs.folder(crashed) / "run.log").read_text()
    assert steps(crashed) == list(range(1, 11))


def test_a_cut_off_checkpoint_is_passed_over_and_a_rotten_one_too(crashed: str) -> None:
    work = runs.folder(crashed) / "work"
    whole = (work / "iter_4.pth").read_bytes()
    (work / "iter_4.pth").write_bytes(whole[:-100])
    assert runs.resume_point(crashed) == 2
    (work / "iter_4.pth").write_bytes(whole[:60] + b"rot" + whole[63:])
    assert runs.resume_point(crashed) == 4  # only reading it to its end shows that
    runs.resume(crashed)
    final = ended(crashed)
    assert (final.phase, final.resumed_from) == ("done", 2)


def test_a_run_without_any_checkpoint_begins_anew(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("crash")
    run = runs.start(who, tiny, Recipe(steps=4, save_every=4))
    ended(run)
    assert (runs.resumable(run), runs.resume_point(run), runs.continues(run)) == (None, 0, False)
    fake_xtuner("ok")
    runs.resume(run)
    assert (ended(run).phase, runs.look(run).resumed_from) == ("done", 0)


def test_a_run_that_failed_after_its_training_does_not_train_again(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("bad_merge")
    run = runs.start(who, tiny, PLAN)
    assert ended(run).phase == "failed"
    fake_xtuner("ok")
    runs.resume(run)
    assert ended(run).phase == "done" and runs.merged(run)
    assert (runs.folder(run) / "run.log").read_text().count("xtuner.tools.train") == 1


def test_why_a_run_cannot_be_resumed_is_said(
    fake_xtuner: Behave, crashed: str, who: str, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = runs.start(who, tiny, Recipe(steps=1, save_every=1))
    ended(done)
    assert why_not(done) == "resume_done"
    fake_xtuner("slow")
    live = runs.start(who, tiny, Recipe(steps=100, save_every=50))
    assert why_not(live) == "run_active"
    with pytest.raises(UserError) as caught:
        runs.resume(crashed)
    assert (caught.value.code, caught.value.details) == ("run_active", {"run": live})
    runs.stop(live)
    for refused, code in (({"lora_rank": 0}, "recipe_too_small"), ({"typo": 1}, "recipe_unknown_field")):
        with pytest.raises(UserError) as caught:
            runs.resume(crashed, changes=refused)
        assert caught.value.code == code
    with pytest.raises(UserError) as caught:
        runs.resume(crashed, checkpoint=3)
    assert caught.value.code == "resume_without_checkpoint"
    gpu = machine.Machine(2, 8, (machine.Gpu("x", 8, 8.0),))
    with monkeypatch.context() as context:
        context.setattr(machine, "look", lambda: gpu)
        assert why_not(crashed) == "resume_elsewhere"
    (Path(runs.spec(crashed)["model_folder"]) / "model.safetensors").unlink()
    assert why_not(crashed) == "model_incomplete"
    (runs.folder(crashed) / "data.json").unlink()
    assert why_not(crashed) == "resume_without_data"
    (runs.folder(crashed) / "spec.json").write_text("{")
    assert why_not(crashed) == "run_spec_broken"
    assert runs.look(crashed).phase == "failed"


def test_a_loss_that_is_no_number_stops_the_run_and_names_the_last_good_checkpoint(
    fake_xtuner: Behave, who: str, tiny: str
) -> None:
    fake_xtuner("nan")
    run = runs.start(who, tiny, Recipe(steps=200, save_every=2))
    final = ended(run)
    assert final.phase == "failed" and final.step < 200
    assert final.reason and final.reason["reason"] == "loss_not_a_number"
    assert (final.reason["step"], final.reason["good"], final.reason["good_iteration"]) == (5, 4, 4)
    assert "4" in final.reason_sentence("zh") and final.remedy == {"learning_rate": Recipe().learning_rate / 2}
    assert max(merge.whole_checkpoints(runs.folder(run) / "work")) > 4 == runs.resume_point(run)
    fake_xtuner("ok")
    runs.resume(run)
    assert ended(run).phase == "done" and json.dumps(runs.spec(run))
    assert (runs.folder(run) / "aside").is_dir()
