from __future__ import annotations

from pathlib import Path

import pytest

from training.models import chat_template
from training.runs import progress


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work" / "20260101_000000" / "vis_data").mkdir(parents=True)
    return tmp_path


def scalars(folder: Path, text: str, when: str = "20260101_000000") -> None:
    (folder / "work" / when / "vis_data").mkdir(parents=True, exist_ok=True)
    (folder / "work" / when / "vis_data" / "scalars.json").write_text(text)


LINE = '{{"lr": 0.001, "loss": {loss}, "time": 2.5, "grad_norm": 1.0, "iter": {step}, "step": {step}}}\n'


def test_a_half_written_last_line_waits_for_its_other_half(folder: Path) -> None:
    scalars(folder, LINE.format(step=1, loss=2.0) + LINE.format(step=2, loss=1.0)[:30])
    assert [point.step for point in progress.points(folder)] == [1]


def test_after_a_resume_the_newer_value_of_a_step_counts(folder: Path) -> None:
    scalars(folder, LINE.format(step=1, loss=2.0) + LINE.format(step=2, loss=9.0))
    scalars(folder, LINE.format(step=2, loss=1.5) + LINE.format(step=3, loss=1.0), "20260102_000000")
    assert [(point.step, point.loss) for point in progress.points(folder)] == [(1, 2.0), (2, 1.5), (3, 1.0)]


def test_accumulated_batches_are_one_step(folder: Path) -> None:
    scalars(folder, "".join(LINE.format(step=step, loss=1.0) for step in range(1, 9)))
    assert [point.step for point in progress.points(folder, accumulation=4)] == [1, 2]


def test_xtuner_names_sample_answers_one_less_than_their_checkpoint(folder: Path) -> None:
    file = folder / "work" / "20260101_000000" / "vis_data" / "eval_outputs_iter_19.txt"
    ask = "<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n{}"
    file.write_text(
        "Eval output 1:\n" + ask.format("你是谁", "我是小明。<|im_end|>\n\n")
        + "\nEval output 2:\n" + ask.format("Who are you?", "I am\ntwo lines without an end\n\n"),
        encoding="utf-8",
    )  # fmt: skip
    assert progress.samples(folder) == [
        progress.Sample(20, "Who are you?", "I am\ntwo lines without an end"),
        progress.Sample(20, "你是谁", "我是小明。"),
    ]


def test_sample_answers_in_llama_3s_form_are_read(folder: Path) -> None:
    file = folder / "work" / "20260101_000000" / "vis_data" / "eval_outputs_iter_19.txt"
    asked = chat_template.LLAMA3.asked.replace("?", "Who are you?")
    file.write_text(f"Eval output 1:\n<|begin_of_text|>{asked}I am Robin.<|eot_id|>\n\n\nEval output 2:\n{asked}I am")
    assert {sample.answer for sample in progress.samples(folder)} == {"I am Robin.", "I am"}


def test_answers_before_training_are_read_from_xtuners_log(folder: Path) -> None:
    (folder / "work" / "20260101_000000" / "20260101_000000.log").write_text(
        "2026/11/24 00:12:55 - mmengine - INFO - before_train in EvaluateChatHook.\n"
        "2026/11/24 00:12:59 - mmengine - INFO - Sample output:\n<|im_start|>user\n你是谁<|im_end|>\n"
        "<|im_start|>assistant\n我是一个模型\n\n"
        "2026/11/24 00:13:00 - mmengine - INFO - Checkpoints will be saved to /x\n",
        encoding="utf-8",
    )
    assert progress.samples(folder) == [progress.Sample(0, "你是谁", "我是一个模型")]


def test_only_what_was_added_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scalars(folder, "".join(LINE.format(step=step, loss=1.0) for step in range(1, 1001)))
    assert len(progress.points(folder)) == 1000
    plain, read = progress._point, list[int]()
    monkeypatch.setattr(progress, "_point", lambda *args: read.append(1) or plain(*args))
    with next(folder.glob("work/*/vis_data/scalars.json")).open("a") as file:
        file.write(LINE.format(step=1001, loss=0.5))
    assert progress.points(folder)[-1] == progress.Point(1001, 0.5, 0.001, 2.5, 1.0)
    assert len(read) == 1


def test_a_curve_that_was_cut_short_is_read_anew(folder: Path) -> None:
    scalars(folder, "".join(LINE.format(step=step, loss=1.0) for step in range(1, 9)))
    assert len(progress.points(folder)) == 8
    scalars(folder, LINE.format(step=1, loss=3.0))
    assert [(point.step, point.loss) for point in progress.points(folder)] == [(1, 3.0)]


def test_a_mark_changes_with_what_there_is_to_show(folder: Path) -> None:
    before = progress.curve_mark(folder), progress.log_mark(folder)
    assert (progress.curve_mark(folder), progress.log_mark(folder)) == before
    scalars(folder, LINE.format(step=1, loss=1.0))
    assert progress.curve_mark(folder) != before[0] and progress.log_mark(folder) == before[1]
