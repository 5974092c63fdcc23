"""Runs with pictures in the ordinary run: two stages, with a fake XTuner that stops, dies and goes on as it is told."""

from __future__ import annotations

import json
import os
import pickle
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.training.conftest import Behave, ended, processes_of, wait_for
from tests.training.eyes.seeing_runs import begin
from tests.training.eyes.seeing_runs import fake_eyes as fake_eyes
from tests.training.eyes.seeing_runs import seeing as seeing
from tests.training.models.tiny import write_talker
from training import merge, runs
from training.errors import UserError
from training.exam import examination
from training.eyes import eyes_forecast, eyes_recipe, projector, run_merge
from training.eyes.eyes_recipe import EyesRecipe
from training.files import read_json, write_json
from training.recipe import Recipe
from training.runs import phases, progress, stages, status, trainer


def code(call: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(UserError) as caught:
        call(*arguments, **named)
    assert caught.value.sentence("zh") and caught.value.sentence("en")
    return caught.value.code


def config(run: str, stage: str = "") -> str:
    return (runs.folder(run) / stage / "config.py").read_text()


def kind(folder: Path) -> str:
    return str(json.loads((folder / "config.json").read_text())["model_type"])


def test_a_run_trains_twice_and_leaves_the_model_before_and_after(seeing: Behave, own_home: Path) -> None:
    seeing("ok")
    plan, eyes = Recipe(steps=6, save_every=2, batch_size=2), EyesRecipe(encoder="clip", pretrain_steps=4)
    rough = eyes_forecast.of("shapes", "tiny", plan, eyes)
    assert rough.source == "rough" and rough.total and rough.exam == 0 and rough.memory and rough.fits
    run = begin(steps=6)
    final, folder = ended(run), runs.folder(run)
    assert (final.phase, final.step, final.total, final.first_total) == ("done", 6, 6, 4), final.reason
    phases = [each.phase for each in status.phases(folder)]
    assert phases == ["queued", "preparing", "pretraining", "training", "converting", "merging", "done"]
    assert [kind(folder / made) for made in ("merged", "before")] == ["llava", "llava"]
    assert merge.origin(folder / "merged")["step"] == 6 and merge.origin(folder / "before")["step"] == 0
    assert [point.step for point in progress.first_points(folder)] == [1, 2, 3, 4]
    assert [point.step for point in progress.points(folder)] == [1, 2, 3, 4, 5, 6]
    first, second = config(run, "pretrain"), config(run)
    assert "captions.json" in first and "llm_lora" not in first
    assert "llava.json" in second and repr(str(folder / "pretrain" / "work" / "iter_4.pth")) in second
    assert runs.spec(run)["command"].count("xtuner train") == 2
    known = eyes_forecast.of("shapes", "tiny", plan, eyes)
    assert (known.source, known.run) == ("run", run) and known.step_seconds == pytest.approx(0.01)
    (curve,) = folder.glob("work/*/vis_data/scalars.json")
    curve.write_text("".join(curve.read_text().splitlines(keepends=True)[1:]))  # long curves leave out steps, too
    assert eyes_forecast.of("shapes", "tiny", plan, eyes).training == pytest.approx(known.training, abs=0.001)
    assert runs.size(run) > 0 and runs.clean_up(run) > 0
    assert [path.name for path in (folder / "pretrain" / "work").glob("iter_*")] == ["iter_4.pth"]
    runs.delete(run)
    assert not folder.exists()


def test_what_is_stopped_and_kept_in_the_first_stage_describes_and_goes_on_later(seeing: Behave) -> None:
    seeing("slow")
    run = begin(first=40)
    wait_for(lambda: runs.look(run).step >= 1)
    assert runs.look(run).phase == "pretraining"
    runs.stop(run, keep=True)
    stopped, folder = ended(run), runs.folder(run)
    write_json(folder / "data" / "exam.json", {})
    assert code(examination.of_run, run, False, None) == "exam_first_stage"
    (folder / "data" / "exam.json").unlink()
    assert stopped.phase == "stopped" and stopped.reason and stopped.reason["reason"] == "stopped_in_first_stage"
    assert kind(folder / "merged") == "llava" and not (folder / "before").exists()
    assert not list((folder / "work").glob("iter_*"))
    seeing("ok")
    assert runs.resume_points(run) == [stopped.step]
    runs.resume(run)
    final = ended(run)
    assert (final.phase, final.step, final.resumed_from) == ("done", 4, stopped.step)
    assert [point.step for point in progress.first_points(folder)] == list(range(1, 41))


def test_a_run_that_is_killed_in_the_second_stage_has_failed_and_goes_back_to_either(
    seeing: Behave, own_home: Path
) -> None:
    seeing("slow")
    run = begin(steps=40, first=20)
    wait_for(lambda: runs.look(run).phase == "training" and runs.look(run).step >= 3)
    os.kill(runs.look(run).pid, signal.SIGKILL)
    wait_for(lambda: not processes_of(own_home))
    now = runs.look(run)
    assert now.phase == "failed" and now.reason and now.reason["reason"] == "process_gone"
    points = runs.resume_points(run)
    assert points[0] >= 22 and points[-2:] == [20, 10], "the first stage's come before the second's"
    runs.resume(run, checkpoint=10)
    wait_for(lambda: runs.look(run).phase == "pretraining" and runs.look(run).step >= 11)
    folder = runs.folder(run)
    assert runs.look(run).resumed_from == 10
    assert not list((folder / "work").glob("iter_*")) and list(folder.glob("aside/1/work/iter_*"))
    assert list(folder.glob("aside/1/pretrain/work/iter_20.pth"))
    runs.stop(run)
    assert runs.look(run).phase == "stopped" and not processes_of(own_home)


NO_MEMORY = "RuntimeError: DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."


def test_a_first_stage_that_needs_too_much_memory_is_mended_by_itself(seeing: Behave) -> None:
    seeing(NO_MEMORY)
    run = begin(first=40, pretrain_batch_size=8, batch_size=1)
    failed = ended(run)
    assert failed.reason and failed.reason["reason"] == "memory_full" and failed.remedy == {"pretrain_batch_size": 4}
    assert failed.reason_sentence("zh") and failed.step == 20
    assert runs.continues(run, failed.remedy), "a batch is no part of what was learned"
    seeing("slow")
    runs.resume(run, changes=failed.remedy)
    wait_for(lambda: runs.look(run).phase == "pretraining" and runs.look(run).step > 20)
    runs.stop(run)
    assert "batch_size = 4\n" in config(run, "pretrain") and "batch_size = 1\n" in config(run)
    assert runs.spec(run)["changes"] == [{"from": 20, "pretrain_batch_size": 4}]


def test_a_change_of_the_second_stage_keeps_what_the_first_one_learned(seeing: Behave) -> None:
    seeing("slow")
    run = begin(steps=40)
    wait_for(lambda: runs.look(run).phase == "training" and runs.look(run).step >= 3)
    runs.stop(run)
    seeing("slow")
    runs.resume(run, changes={"learning_rate": 1e-5})
    wait_for(lambda: runs.look(run).phase == "training" and runs.look(run).step >= 1)
    assert "lr = 1e-05\n" in config(run)
    assert [point.step for point in progress.first_points(runs.folder(run))] == [1, 2, 3, 4]
    runs.stop(run)


def test_a_projector_that_is_given_is_kept_as_tensors_and_begun_with(seeing: Behave, fake_eyes: Path) -> None:
    seeing("slow")
    run = begin(first=0, pretrained=str(fake_eyes / "checkpoint.pth"))
    given = runs.folder(run) / "given.pth"
    assert repr(str(given)) in config(run) and not (runs.folder(run) / "pretrain").exists()
    assert b"optimizer" in (fake_eyes / "checkpoint.pth").read_bytes() and b"optimizer" not in given.read_bytes()
    runs.stop(run)


class Evil:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> Any:
        return os.system, (self.command,)


def test_a_projector_file_runs_nothing_and_is_refused_in_words(
    seeing: Behave, tmp_path: Path, fake_eyes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    evil, other = tmp_path / "evil.pth", tmp_path / "other.pth"
    torch.save({"state_dict": Evil(f"touch {tmp_path}/owned")}, evil)
    assert code(begin, pretrained=str(evil)) == "projector_none"
    assert code(begin, pretrained=str(tmp_path / "none.pth")) == "projector_missing"
    wide = {f"projector.model.{layer}.weight": torch.zeros(8, 8) for layer in "02"}
    wide |= {f"projector.model.{layer}.bias": torch.zeros(8) for layer in "02"}
    torch.save(wide, other)
    assert code(begin, pretrained=str(other)) == "projector_does_not_fit"
    (tmp_path / "pickle.pth").write_bytes(pickle.dumps(Evil(f"touch {tmp_path}/owned")))
    assert code(begin, pretrained=str(tmp_path / "pickle.pth")) == "projector_unreadable"
    monkeypatch.setenv("MODEL_REPO", "user/repo")
    assert code(begin, pretrained=str(fake_eyes / "checkpoint.pth")) == "projector_not_here"
    assert not (tmp_path / "owned").exists() and runs.names() == []
    assert projector.known() == []


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"method": "full"}, "eyes_method_full"),
        ({"deepspeed": "zero2"}, "eyes_one_process"),
        ({"pack": True}, "eyes_without"),
        ({"prompt_template": "llama3_chat"}, "eyes_template"),
        ({"pretrain_learning_rate": 0.0}, "recipe_learning_rate"),
        ({"encoder": "nowhere"}, "model_missing"),
        ({"encoder": "tiny"}, "encoder_kind"),
    ],
    ids=str,
)
def test_what_cannot_be_had_with_pictures_is_said_before_the_start(
    seeing: Behave, chosen: dict[str, Any], expected: str
) -> None:
    own = {"encoder": "clip", **{field: value for field, value in chosen.items() if field in eyes_recipe.names()}}
    plain = {field: value for field, value in chosen.items() if field not in eyes_recipe.names()}
    assert code(runs.start, "shapes", "tiny", Recipe(**plain), eyes=EyesRecipe(**own)) == expected
    assert runs.names() == []


def test_a_run_with_pictures_waits_for_its_turn_like_any_other(seeing: Behave) -> None:
    seeing("slow")
    first = begin(steps=40)
    assert code(begin) == "run_active"
    second = runs.start("shapes", "tiny", Recipe(), eyes=EyesRecipe(encoder="clip"), queue=True)
    assert runs.queued() == [second]
    for run in (second, first):
        runs.stop(run)
    assert read_json(runs.folder(second) / "status.json")["reason"]["reason"] == "discarded_in_queue"


def test_of_a_finished_run_the_chosen_and_the_last_checkpoint_stay(
    seeing: Behave, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeing("ok")
    name = begin(steps=6)
    ended(name)
    folder, spec = runs.folder(name), runs.spec(name)
    run: Any = SimpleNamespace(folder=folder, spec=spec, recipe=Recipe(steps=6), asked=0, execute=None, enter=None)
    run.stages, run.tell = stages.of(folder, spec), lambda **_: None
    chosen = SimpleNamespace(step=2, iteration=2)
    monkeypatch.setattr(phases.recommendation, "load", lambda _: chosen)
    monkeypatch.setattr(phases, "examine", lambda _run, last: (chosen.iteration, None))
    for step in ("prepare", "first_sight", "compare", "certify", "merge"):
        monkeypatch.setattr(phases, step, lambda *_: None)
    monkeypatch.setattr(phases, "train", lambda _run, stage, _since: stage.end)
    assert phases.through(run, None, {})["phase"] == "done"
    assert set(merge.whole_checkpoints(folder / "work")) == {2, 6}


def test_a_model_with_eyes_names_its_end_mark_for_other_programs(tmp_path: Path) -> None:
    made = write_talker(tmp_path / "made")
    write_json(made / "generation_config.json", {"eos_token_id": 2})
    run_merge._complete(made, {"recipe": {"prompt_template": "qwen_chat"}}, {})
    assert read_json(made / "generation_config.json")["eos_token_id"] == [0, 2]


def test_a_first_stage_whose_last_checkpoint_is_damaged_is_not_trained_again_for_a_later_one(tmp_path: Path) -> None:
    stage = stages.Stage("pretraining", tmp_path, Recipe(steps=4))
    untouched: Any = None
    assert trainer.train(untouched, stage, 6) == 4
