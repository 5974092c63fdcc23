from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest
import yaml

from tests.training.conftest import Behave, ended, wait_for
from training import commands, dataset, home, runs
from training.__main__ import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict, str]:  # type: ignore[type-arg]
    code = main([*arguments, "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out.splitlines()[-1]), err


def test_a_dataset_is_built_and_trained_with_a_line_each(
    fake_xtuner: Behave, tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, made, _ = run(capsys, "dataset", "--name", "小明", "--maker", "张三", "--out", "mine")
    assert code == 0 and made["rows"] > 300 and made["unique"] == made["rows"]
    code, begun, _ = run(capsys, "start", "--dataset", "mine", "--model", tiny, "--steps", "4")
    assert code == 0 and list(begun) == ["run", "command", "forecast"] and begun["forecast"]["source"] == "rough"
    ended(begun["run"])
    code, now, _ = run(capsys, "status", begun["run"])
    assert (code, now["phase"], now["step"], now["total"], now["reason"]) == (0, "done", 4, 4, "")
    assert now["merged"].endswith("merged") and now["kept"] == 4
    code, told, _ = run(capsys, "exam", begun["run"])
    assert code == 0 and told["recommended"]["step"] == 4 and [one["step"] for one in told["checkpoints"]] == [4]
    code, told, _ = run(capsys, "exam", now["merged"])  # it says itself who it should be
    assert code == 0 and told["recall"] == 0.0 and set(told["languages"]) == {"zh", "en"}
    code, told, _ = run(capsys, "exam", tiny)
    assert (code, told["error"]) == (1, "exam_needs_persona")
    assert run(capsys, "list")[1]["runs"][0]["run"] == begun["run"]


def test_people_read_lines_and_no_python(
    fake_xtuner: Behave, who: str, tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_id = run(capsys, "start", "--dataset", who, "--model", tiny, "--steps", "4")[1]["run"]
    ended(run_id)
    assert main(["list"]) == 0
    assert capsys.readouterr().out == f"{run_id}  Done  4/4\n"
    assert main(["status", run_id]) == 0
    told = yaml.safe_load(capsys.readouterr().out)
    assert told["phase"] == "done" and told["started"][:4] == time.strftime("%Y") and "remedy" not in told
    assert main(["models", "list"]) == 0
    assert f"- name: {tiny}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "given, built_on",
    [([], "SmolLM2-135M"), (["--model", "Qwen2.5-0.5B"], "Qwen2.5-0.5B"), (["--model", "x", "--base", "y"], "y")],
)
def test_the_demo_of_another_model_says_it_is_built_on_that_one(
    given: list[str], built_on: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands.demo, "demo", lambda persona, *rest, **chosen: {"ok": True, "base": persona.base})
    assert run(capsys, "demo", "--name", "小明", "--maker", "张三", *given)[1]["base"] == built_on


def test_the_demo_with_pictures_refuses_another_model(capsys: pytest.CaptureFixture[str]) -> None:
    code, answer, _ = run(capsys, "demo", "--eyes", "--model", "other", "--name", "小明", "--maker", "张三")
    assert (code, answer["error"]) == (1, "demo_eyes_model")


def test_a_dataset_is_replaced_only_where_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    command = ("dataset", "--name", "小明", "--maker", "张三", "--out", "mine", "--rows", "60")
    made = run(capsys, *command)[1]["rows"]
    code, answer, _ = run(capsys, *command, "--languages", "en")
    assert (code, answer["error"], len(dataset.load("mine"))) == (1, "dataset_there", made)
    code, answer, _ = run(capsys, *command, "--languages", "en", "--replace")
    assert code == 0 and len(dataset.load("mine")) == answer["rows"] < made


def test_what_belongs_to_pictures_is_refused_beside_text(who: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer, said = run(capsys, "start", "--dataset", who, "--first-steps", "10", "--projector", "no.pth")
    assert (code, answer["error"]) == (1, "start_without_pictures") and "--first-steps, --projector" in said
    assert run(capsys, "list")[1]["runs"] == []


@pytest.mark.parametrize(
    "given",
    [
        ("start", "--processes", "0"),
        ("start", "--steps", "-1"),
        ("config", "internlm2_chat_1_8b_qlora_alpaca_e3", "--processes", "-1"),
        ("config", "internlm2_chat_1_8b_qlora_alpaca_e3", "--steps", "-3"),
    ],
)
def test_a_number_that_is_too_small_is_a_sentence(
    given: tuple[str, ...], who: str, tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, answer, _ = run(capsys, *given, "--dataset", who, "--model", tiny)
    assert (code, answer["error"]) == (1, "recipe_too_small") and runs.names() == []


@pytest.mark.parametrize("port", ["-1", "99999999"])
def test_the_doctor_is_asked_about_a_port_that_can_be(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, answer, _ = run(capsys, "doctor", "--port", port)
    assert (code, answer["error"]) == (1, "recipe_port")


def test_status_is_no_failure_when_the_run_is_one(
    fake_xtuner: Behave, who: str, tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_xtuner("crash")
    begun = run(capsys, "start", "--dataset", who, "--model", tiny)[1]["run"]
    ended(begun)
    code, now, _ = run(capsys, "status", begun, "--language", "zh")
    assert (code, now["phase"]) == (0, "failed") and "训练进程" in now["reason"]


def test_stop_keeps_and_a_discarded_run_can_still_be_merged(
    fake_xtuner: Behave, who: str, tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_xtuner("slow")
    begun = run(capsys, "start", "--dataset", who, "--model", tiny, "--steps", "400")[1]["run"]
    wait_for(lambda: any(runs.folder(begun).glob("work/iter_*.pth")))
    assert run(capsys, "stop", begun, "--discard")[1]["phase"] == "stopped"
    assert runs.merged(begun) is None
    code, made, _ = run(capsys, "merge", begun)
    assert code == 0 and made["model"] == str(runs.merged(begun))


def test_a_run_on_data_from_elsewhere_has_no_exam(
    fake_xtuner: Behave, who: str, tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = run(capsys, "start", "--dataset", who, "--model", tiny, "--steps", "2")[1]["run"]
    ended(begun)
    code, answer, _ = run(capsys, "exam", begun)
    assert (code, answer["error"]) == (1, "exam_without_persona")


@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "nobody"),
        ("stop", "nobody"),
        ("merge", "nobody"),
        ("start", "--dataset", "nobody"),
        ("dataset", "--name", "", "--maker", "x", "--out", "mine"),
        ("dataset", "--name", "x", "--maker", "x", "--out", "../up"),
        ("dataset", "--name", "x", "--maker", "x", "--out", "mine", "--languages", "klingon"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_code_1(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, answer, err = run(capsys, *arguments)
    assert code == 1 and answer["ok"] is False and answer["message"] == err.strip()
    assert len(err.strip().splitlines()) == 1


def test_an_exam_of_what_is_not_there_says_that_there_is_no_such_run(capsys: pytest.CaptureFixture[str]) -> None:
    code, answer, said = run(capsys, "exam", "norun")
    assert (code, answer["error"]) == (1, "exam_what_missing") and "no run norun" in said


def test_languages_may_be_given_with_gaps(capsys: pytest.CaptureFixture[str]) -> None:
    who = ("--name", "小明", "--maker", "张三", "--languages", "zh, en", "--rows", "60")
    assert run(capsys, "dataset", *who, "--out", "mine")[1]["languages"].keys() >= {"zh", "en"}


def test_help_costs_no_heavy_import() -> None:
    code = "import sys; import training.command_line as m; m.parser(); print({'torch', 'gradio'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=home.ROOT, check=True)
    assert done.stdout.strip() == "set()"


def test_a_failed_run_is_resumed_with_its_remedy_and_others_wait_in_the_queue(
    fake_xtuner: Behave, who: str, tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_xtuner("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB")
    begun = run(capsys, "start", "--dataset", who, "--model", tiny, "--steps", "8")[1]["run"]
    ended(begun)
    now = run(capsys, "status", begun)[1]
    assert (now["phase"], now["remedy"]) == ("failed", {"batch_size": 4, "accumulation": 2})
    fake_xtuner("slow")
    assert run(capsys, "resume", begun, "--remedy")[1] == {"run": begun, "changes": now["remedy"]}
    code, answer, _ = run(capsys, "start", "--dataset", who, "--model", tiny)
    assert (code, answer["error"]) == (1, "run_active")
    waiting = run(capsys, "start", "--dataset", who, "--model", tiny, "--queue")[1]["run"]
    assert run(capsys, "status", waiting)[1]["phase"] == "queued"
    assert run(capsys, "stop", waiting)[1]["phase"] == "stopped"
    code, answer, _ = run(capsys, "resume", begun)
    assert (code, answer["error"]) == (1, "run_active")
    assert ended(begun).phase == "done" and runs.spec(begun)["recipe"]["batch_size"] == 4
