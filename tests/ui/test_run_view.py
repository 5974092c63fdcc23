from __future__ import annotations

from dataclasses import asdict

import pytest

from training.recipe import Recipe
from training.runs import RunStatus
from training.runs.progress import Sample
from training.runs.usage import Usage
from ui.conversation import shown
from ui.run_view import duration, progress_share, samples_html, speed, stages_html, status_html

RECIPE = asdict(Recipe(batch_size=2, max_length=256, pack=True))
NASTY = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_html_in_a_reason_or_an_answer_is_shown_as_text(language: str) -> None:
    reason = {"reason": "trainer_crashed", "exit_code": 1, "line": NASTY, "log": NASTY}
    assert "<img" not in status_html(RunStatus("r", "failed", reason=reason), RECIPE, None, language)
    assert "<img" not in samples_html([Sample(1, NASTY, NASTY)], language)
    assert "<img" not in shown([{"role": "assistant", "content": NASTY}], language)[0]["content"]


def test_the_bar_never_goes_back() -> None:
    told = [
        RunStatus("r", "preparing", total=10),
        *(RunStatus("r", "training", step=step, total=10) for step in range(11)),
        *(RunStatus("r", phase, step=10, total=10) for phase in ("examining", "converting", "merging", "done")),
    ]
    shares = [progress_share(status) for status in told]
    assert shares == sorted(shares) and shares[-1] == 1.0


def test_the_way_so_far_is_told_and_what_is_still_to_come() -> None:
    status = RunStatus("r", "training", step=3, total=10, seconds={"preparing": 61.0})
    assert "1 min 1 s" in stages_html(status, "en") and "Merge" in stages_html(status, "en")
    failed = RunStatus("r", "failed", seconds={"preparing": 61.0, "training": 5.0})
    assert "Merge" not in stages_html(failed, "en")


def test_what_it_takes_is_told_while_it_runs() -> None:
    status = RunStatus("r", "training", step=3, total=10, step_seconds=2.0)
    said = status_html(status, RECIPE, Usage(3 << 30, 24 << 30, 5 << 30), "en")
    assert "256 tokens/s" in said and "memory 3.0 of 24.0 GB" in said and "GPU memory 5.0 GB" in said


def test_the_speed_of_rows_that_are_not_filled_up_is_not_told_in_tokens() -> None:
    assert speed({**RECIPE, "pack": False}, 2.0, "en") == "1 conversations/s"


def test_the_speed_counts_what_all_processes_learn() -> None:
    assert speed({**RECIPE, "pack": False, "processes": 2}, 2.0, "en") == "2 conversations/s"


def test_what_a_resumed_run_does_again_is_not_past() -> None:
    done = {"preparing": 1.0, "pretraining": 9.0, "training": 9.0, "examining": 5.0, "merging": 2.0}
    again = RunStatus("r", "pretraining", step=10, total=40, first_total=40, seconds=done)
    told = stages_html(again, "en")
    assert told.count('class="past"') == 1 and told.count('class="now"') == 1 and told.count('class="later"') == 4
    assert progress_share(again) < 0.2


def test_time_is_told_as_exactly_as_one_waits() -> None:
    assert [duration(seconds, "en") for seconds in (0, 59, 61, 3661)] == ["0 s", "59 s", "1 min 1 s", "1 h 1 min"]


def test_two_stages_fill_the_bar_one_after_the_other_and_are_called_so() -> None:
    first = [RunStatus("r", "pretraining", step=step, total=4, first_total=4) for step in range(5)]
    done = {"preparing": 1.0, "pretraining": 9.0}
    second = [RunStatus("r", "training", step=step, total=9, first_total=4, seconds=done) for step in range(10)]
    shares = [progress_share(status) for status in (*first, *second)]
    assert shares == sorted(shares) and shares[4] == pytest.approx(0.02 + 0.73 / 2) and shares[-1] < 0.8
    said = status_html(second[1], RECIPE, None, "en")
    assert "Training, second stage" in said and "First stage" in said and "Second stage" in said
    assert "stage" not in stages_html(RunStatus("r", "training", step=3, total=10), "en").replace("stages", "")
