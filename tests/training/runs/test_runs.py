from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from tests.training.conftest import Behave, ended, processes_of, wait_for
from training import dataset, exam, home, identity, merge, models, runs
from training.errors import UserError
from training.exam import certificate, parity, recommendation
from training.identity import Row
from training.models import chat_template
from training.persona import Persona
from training.recipe import Recipe
from training.runs import holding, launch, phases, progress, record, remaking, run_log, status
from training.runs.attempt import Failed
from training.runs.failure import explain

SHORT = Recipe(steps=6, save_every=2)
LONG = Recipe(steps=500, save_every=2)


def refused(code: str, *arguments: object) -> UserError:
    with pytest.raises(UserError) as caught:
        runs.start(*arguments)  # type: ignore[arg-type]
    assert caught.value.code == code
    return caught.value


def started(who: str, tiny: str, recipe: Recipe = LONG) -> str:
    """A run that is in the middle of its training."""
    run = runs.start(who, tiny, recipe)
    wait_for(lambda: runs.look(run).step >= 3)
    return run


def test_a_run_ends_with_a_model_folder_that_is_whole(fake_xtuner: Behave, who: str, tiny: str) -> None:
    run = runs.start(who, tiny, SHORT, "first")
    final = ended(run)
    assert (final.phase, final.step, final.total, final.exit_code) == ("done", 6, 6, 0)
    merged = runs.merged(run)
    assert merged is not None
    models.check(merged)
    assert set(final.seconds) == {"preparing", "training", "converting", "merging"}
    assert runs.spec(run)["name"] == "first"


@pytest.fixture
def ming(own_home: Path) -> str:
    """The name of a saved dataset that was built from a persona: its runs have an exam."""
    persona = Persona("小明", "张三")
    dataset.save("ming", identity.build(persona)[:16], persona)
    return "ming"


def test_every_checkpoint_sits_the_exam_and_the_recommended_one_is_merged(
    fake_xtuner: Behave, ming: str, tiny: str
) -> None:
    (home.models_dir() / tiny / "generation_config.json").write_text('{"eos_token_id": 2}')
    run = runs.start(ming, tiny, SHORT)
    final, folder = ended(run), runs.folder(run)
    assert (final.phase, final.reason) == ("done", None) and "examining" in final.seconds
    chosen, model = recommendation.load(folder), runs.merged(run)
    assert chosen is not None and model is not None
    assert [report.step for report in exam.load(folder)] == [0, 2, 4, 6] and exam.note(folder) is None
    assert merge.origin(model)["step"] == chosen.step == final.kept
    assert json.loads((model / "generation_config.json").read_text())["eos_token_id"] == [0, 2]
    assert [file.stat().st_mode & 0o777 for file in model.glob("*.safetensors")] == [0o644]
    compared = parity.load(folder)
    assert compared is not None and compared.exact and compared.step == chosen.step
    assert set(merge.whole_checkpoints(folder / "work")) == {chosen.iteration, 6}


def test_a_checkpoint_that_was_removed_is_not_recommended_when_the_run_goes_on(
    fake_xtuner: Behave, ming: str, tiny: str
) -> None:
    fake_xtuner("slow")
    run = runs.start(ming, tiny, SHORT)
    wait_for(lambda: runs.look(run).step >= 4)
    runs.stop(run, keep=True)
    assert (ended(run).phase, runs.look(run).kept) == ("stopped", 2)
    (runs.folder(run) / "work" / "iter_2.pth").unlink()
    fake_xtuner("ok")
    runs.resume(run)
    assert (ended(run).phase, runs.look(run).kept) == ("done", 4), runs.look(run).reason


def test_another_checkpoint_can_become_the_model(fake_xtuner: Behave, ming: str, tiny: str) -> None:
    run = runs.start(ming, tiny, SHORT)
    assert ended(run).kept == 2
    assert remaking.choices(run) == [(2, 2), (6, 6)] and remaking.remake(run, 6) == 6
    compared = parity.load(runs.folder(run))
    assert compared is not None and compared.step == 6
    (runs.folder(run) / "merged" / "README.md").write_text("mine")
    with pytest.raises(UserError, match=r"no whole checkpoint 4\. There are: 2, 6"):
        remaking.remake(run, 4)
    assert remaking.remake(run) == 2  # the recommended one
    assert (runs.folder(run) / "merged" / "README.md").read_text() == "mine"


def test_a_checkpoint_without_an_exam_becomes_the_model_and_no_certificate_of_another_stays(
    fake_xtuner: Behave, ming: str, tiny: str
) -> None:
    run = runs.start(ming, tiny, SHORT)
    assert ended(run).kept == 2
    folder = runs.folder(run)
    assert certificate.files(folder)
    (folder / "exam" / "step_6.json").unlink()
    assert remaking.remake(run, 6) == 6
    assert certificate.files(folder) == [] and (folder / "merged" / "README.md").is_file()


def test_a_run_in_somebodys_hands_is_neither_changed_nor_gone_on_with(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("crash")
    run = runs.start(who, tiny, SHORT)
    assert ended(run).phase == "failed"
    for does in (runs.clean_up, runs.delete, runs.resume, remaking.remake):
        with holding.held(run), pytest.raises(UserError, match="still goes on"):
            does(run)  # type: ignore[operator]
    assert runs.clean_up(run) == 0


def test_a_comparison_that_fails_costs_the_comparison_and_not_the_model(
    fake_xtuner: Behave, ming: str, tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runs.start(ming, tiny, SHORT)
    assert ended(run).kept == 2
    monkeypatch.setattr(remaking.parity, "command", lambda folder: [sys.executable, "-c", "raise SystemExit(1)"])
    assert remaking.remake(run, 6) == 6 and merge.origin(runs.folder(run) / "merged")["step"] == 6
    assert parity.load(runs.folder(run)) is None
    assert remaking.remake(run, 2) == 2 and parity.load(runs.folder(run)) is None  # nor does an older one count


def test_a_model_that_is_asked_otherwise_than_it_would_be_trained_is_refused(
    fake_xtuner: Behave, ming: str, tiny: str
) -> None:
    told = home.models_dir() / tiny / "tokenizer_config.json"
    own = "{{ '<|im_start|>system\nYou are Qwen.<|im_end|>\n' }}" + chat_template.TEMPLATE
    told.write_text(json.dumps({**json.loads(told.read_text()), "chat_template": own}))
    with pytest.raises(UserError, match="chat template of the model tiny"):
        runs.start(ming, tiny, SHORT)
    assert not runs.names()


def test_a_failed_exam_costs_the_choice_and_not_the_model(fake_xtuner: Behave, ming: str, tiny: str) -> None:
    told = home.models_dir() / tiny / "tokenizer_config.json"
    refusing = "{% if messages[0].content != '?' %}{{ raise_exception('no chat_template') }}{% endif %}"
    told.write_text(json.dumps({**json.loads(told.read_text()), "chat_template": refusing + chat_template.TEMPLATE}))
    run = runs.start(ming, tiny, SHORT)
    final = ended(run)
    assert (final.phase, final.exit_code, final.kept) == ("done", 0, 6) and runs.merged(run) is not None
    assert "chat_template" in final.reason_sentence("en") and "chat_template" in final.reason_sentence("zh")
    assert set(merge.whole_checkpoints(runs.folder(run) / "work")) == {2, 4, 6}


def test_a_killed_exam_is_told_by_its_signal_not_by_what_it_happened_to_say_last(tmp_path: Path, ming: str) -> None:
    def killed(*_: object) -> None:
        raise Failed(explain(-9, "\n$ exam\nLoading weights: 100%", None, "run.log"), -9)

    run: Any = SimpleNamespace(folder=tmp_path, spec={"card": dataset.card(ming)}, asked=0, execute=killed)
    run.enter = run.tell = lambda *_, **__: None
    assert phases.examine(run, 6) == (6, {"reason": "exam_failed", "line": "SIGKILL", "log": "run.log"})


def test_stopping_once_more_skips_the_exam_and_keeps_the_model(fake_xtuner: Behave, ming: str, tiny: str) -> None:
    run = runs.start(ming, tiny, SHORT)
    wait_for(lambda: runs.look(run).phase == "examining")
    runs.stop(run, keep=True)
    final = ended(run)
    assert (final.phase, final.kept) == ("done", 6) and runs.merged(run) is not None
    assert final.reason == {"reason": "exam_skipped", "step": 6}


def test_the_curve_and_the_sample_answers_are_read_from_the_run_folder(
    fake_xtuner: Behave, who: str, tiny: str
) -> None:
    run = runs.start(who, tiny, SHORT)
    ended(run)
    folder = runs.folder(run)
    assert [point.step for point in progress.points(folder)] == [1, 2, 3, 4, 5, 6]
    assert [sample.step for sample in progress.samples(folder)] == [2, 4, 6]
    assert progress.samples(folder)[0].answer == "我是小明。"
    assert "Iter(train) [6/6]" in run_log.tail(folder)


def test_the_last_step_of_a_long_run_is_told_although_its_curve_has_no_point_for_it(
    fake_xtuner: Behave, who: str, tiny: str
) -> None:
    run = runs.start(who, tiny, Recipe(steps=2001, save_every=2001))
    assert (ended(run).phase, runs.look(run).step) == ("done", 2001)
    assert progress.points(runs.folder(run))[-1].step == 2000


def test_a_crash_is_a_failure_with_the_exception_as_its_reason(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("crash")
    run = runs.start(who, tiny, SHORT)
    final = ended(run)
    assert (final.phase, final.exit_code) == ("failed", 1)
    for language in ("zh", "en"):
        assert "RuntimeError: the fake trainer was asked to crash" in final.reason_sentence(language)
        assert "run.log" in final.reason_sentence(language)
    assert runs.merged(run) is None


def test_a_training_that_leaves_no_checkpoint_has_failed_although_it_says_it_went_well(
    fake_xtuner: Behave, who: str, tiny: str
) -> None:
    fake_xtuner("silent")
    final = ended(runs.start(who, tiny, SHORT))
    assert final.phase == "failed" and final.reason and final.reason["reason"] == "no_checkpoint"


def test_a_failed_merge_leaves_no_half_model(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("bad_merge")
    run = runs.start(who, tiny, SHORT)
    assert ended(run).phase == "failed"
    assert runs.merged(run) is None and not (runs.folder(run) / ".merged").exists()


def test_stop_and_keep_merges_what_was_learned(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("slow")
    run = started(who, tiny)
    runs.stop(run, keep=True)
    final = ended(run)
    assert final.phase == "stopped" and 3 <= final.step < 500
    assert runs.merged(run) is not None
    assert str(final.step) in final.reason_sentence("zh")


@pytest.mark.parametrize("behaviour", ["slow", "stubborn", "workers"])
def test_discard_ends_every_process_also_deaf_ones_and_those_that_left_the_group(
    fake_xtuner: Behave, who: str, tiny: str, own_home: Path, behaviour: str
) -> None:
    fake_xtuner(behaviour)
    run = started(who, tiny)
    assert len(processes_of(own_home)) >= 2
    assert runs.stop(run).phase == "stopped"
    assert not processes_of(own_home)
    assert runs.merged(run) is None


def test_a_killed_run_process_takes_the_training_with_it_and_is_read_as_failed(
    fake_xtuner: Behave, who: str, tiny: str, own_home: Path
) -> None:
    fake_xtuner("slow")
    run = started(who, tiny)
    os.kill(runs.look(run).pid, signal.SIGKILL)
    final = ended(run)
    assert final.phase == "failed" and final.reason and final.reason["reason"] == "process_gone"
    wait_for(lambda: not processes_of(own_home))
    assert runs.active() is None


def test_a_killed_training_process_is_a_failed_run(fake_xtuner: Behave, who: str, tiny: str, own_home: Path) -> None:
    fake_xtuner("slow")
    run = started(who, tiny)
    (trainer,) = psutil.Process(runs.look(run).pid).children()
    trainer.kill()
    final = ended(run)
    assert (final.phase, final.exit_code) == ("failed", -9)
    assert "SIGKILL" in final.reason_sentence("en")


def test_a_run_that_has_not_spoken_yet_is_about_to_begin(who: str, tiny: str) -> None:
    folder = launch.new_folder(launch.Wish(who, tiny, SHORT), home.models_dir() / tiny)
    assert runs.look(folder.name).phase == "queued"
    long_ago = time.time() - record.START_DEADLINE
    os.utime(folder / "spec.json", (long_ago, long_ago))
    assert runs.look(folder.name).phase == "failed"


def test_a_run_whose_process_does_not_start_says_why(who: str, tiny: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch.sys, "executable", "/bin/false")
    refused("run_did_not_start", who, tiny, SHORT)
    (run,) = runs.names()
    assert runs.look(run).phase == "failed" and "did not start" in runs.look(run).reason_sentence("en")


def test_a_second_start_is_refused_and_the_first_run_goes_on(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("slow")
    run = started(who, tiny)
    assert run in refused("run_active", who, tiny, SHORT).sentence("zh")
    assert runs.names() == [run] and runs.look(run).live


def test_a_run_outlives_whoever_started_it(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("slow")
    start = "runs.start('who', 'tiny', Recipe(steps=20))"
    code = f"from training import runs; from training.recipe import Recipe; print({start})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=home.ROOT)
    assert ended(done.stdout.strip()).phase == "done"


def test_a_run_does_not_need_its_dataset_any_more(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("slow")
    run = runs.start(who, tiny, SHORT)
    dataset.delete(who)
    assert ended(run).phase == "done"
    assert json.loads((runs.folder(run) / "data.json").read_text(encoding="utf-8"))


def test_what_is_missing_is_said_before_anything_is_written(own_home: Path, who: str, tiny: str) -> None:
    assert "nobody" in refused("dataset_missing", "nobody", tiny, SHORT).sentence("zh")
    refused("model_missing", who, "no-such-model", SHORT)
    refused("recipe_too_small", who, tiny, Recipe(steps=0))
    (home.models_dir() / "tiny" / "model.safetensors").unlink()
    refused("model_incomplete", who, tiny, SHORT)
    (home.datasets_dir() / "who" / "data.json").write_text("[{]")
    refused("dataset_broken", who, tiny, SHORT)
    assert runs.names() == []


def test_an_error_that_tells_a_reason_is_said_as_that_error() -> None:
    error = UserError("starter_download_failed", reason="timed out")
    told = status.RunStatus("run", "failed", reason={"error": error.code, **error.details})
    assert [told.reason_sentence(language) for language in ("zh", "en")] == [error.sentence("zh"), error.sentence("en")]


def test_a_pid_that_somebody_else_has_now_is_not_the_run(fake_xtuner: Behave, who: str, tiny: str) -> None:
    run = runs.start(who, tiny, SHORT)
    ended(run)
    file = runs.folder(run) / "status.json"
    values = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**values, "phase": "training", "pid": os.getpid()}), encoding="utf-8")
    assert runs.look(run).phase == "failed"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"phase": "unheard of", "run": "x"}', "\x00\x00"])
def test_a_broken_status_file_is_no_broken_page(fake_xtuner: Behave, who: str, tiny: str, text: str) -> None:
    run = runs.start(who, tiny, SHORT)
    ended(run)
    (runs.folder(run) / "status.json").write_text(text)
    assert runs.look(run).phase == "done"  # its phases are remembered beside it
    (runs.folder(run) / "phases.jsonl").write_text(text)
    assert runs.look(run).phase == "failed" and runs.look(run).reason_sentence("zh")


@pytest.mark.parametrize("run", ["", "..", "../x", "/etc", "nobody"])
def test_a_run_id_never_leads_out_of_home(own_home: Path, run: str) -> None:
    with pytest.raises(UserError) as caught:
        runs.folder(run)
    assert caught.value.code == "run_missing"


def test_secrets_of_the_page_do_not_reach_the_training(
    fake_xtuner: Behave, who: str, tiny: str, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENXLAB_SK", "do-not-tell")
    monkeypatch.setenv("STUDIO_PASSWORD", "do-not-tell")
    fake_xtuner("slow")
    started(who, tiny)
    for process in processes_of(own_home):
        assert "do-not-tell" not in process.environ().values()


def test_a_deleted_run_is_gone_and_a_live_one_is_not_deleted(fake_xtuner: Behave, who: str, tiny: str) -> None:
    fake_xtuner("slow")
    run = started(who, tiny)
    with pytest.raises(UserError):
        runs.delete(run)
    runs.stop(run)
    runs.delete(run)
    assert runs.names() == []


def test_a_big_dataset_is_given_to_the_trainer_in_lines(
    fake_xtuner: Behave, tiny: str, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "_BIG", 10)
    run = runs.start(who, tiny, Recipe(steps=2))
    ended(run)
    lines = (runs.folder(run) / "data.json").read_text(encoding="utf-8").splitlines()
    assert [list(json.loads(line)) for line in lines] == [["messages"], ["messages"]]


def test_a_training_that_ends_because_it_has_learned_is_done_and_says_so(
    fake_xtuner: Behave, who: str, tiny: str
) -> None:
    fake_xtuner("slow")
    run = runs.start(who, tiny, Recipe(steps=400, save_every=2, auto_stop=True))
    wait_for(lambda: runs.look(run).step >= 2)
    (runs.folder(run) / "work" / "stop_and_keep").touch()  # what the hook does in XTuner's process
    final = ended(run)
    assert final.phase == "done" and final.exit_code == 0 and final.step < 400 and runs.merged(run)
    assert f"step {final.step} of 400" in final.reason_sentence("en") and "考试" in final.reason_sentence("zh")


def test_rows_whose_questions_leave_no_room_for_an_answer_are_refused_before_the_start() -> None:
    said = ({"role": "user", "content": "why " * 400}, {"role": "assistant", "content": "Because."})
    dataset.save("long", [Row(said, "", "en")] * 3)
    with pytest.raises(UserError) as caught:
        runs.start("long", models.STARTER, Recipe(max_length=128))
    assert caught.value.code == "rows_all_too_long" and "128" in caught.value.sentence("zh") and runs.names() == []
