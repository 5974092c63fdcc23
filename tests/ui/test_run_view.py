from __future__ import annotations

import pytest

from training.progress import Point, Sample
from training.runs import RunStatus
from ui.conversation import shown
from ui.run_view import duration, progress_share, samples_html, smoothed, status_html

NASTY = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_html_in_a_reason_or_an_answer_is_shown_as_text(language: str) -> None:
    reason = {"reason": "trainer_crashed", "exit_code": 1, "line": NASTY, "log": NASTY}
    assert "<img" not in status_html(RunStatus("r", "failed", reason=reason), language)
    assert "<img" not in samples_html([Sample(1, NASTY, NASTY)], language)
    assert "<img" not in shown([{"role": "assistant", "content": NASTY}])[0]["content"]


def test_the_bar_never_goes_back() -> None:
    told = [
        RunStatus("r", "preparing", total=10),
        *(RunStatus("r", "training", step=step, total=10) for step in range(11)),
        *(RunStatus("r", phase, step=10, total=10) for phase in ("converting", "examining", "merging", "done")),
    ]
    shares = [progress_share(status) for status in told]
    assert shares == sorted(shares) and shares[-1] == 1.0


def test_the_smoothed_curve_begins_where_the_measured_one_does() -> None:
    points = [Point(step, loss, 0.0, 0.0) for step, loss in enumerate([4.0, 2.0, 2.0, 2.0])]
    assert smoothed(points)[0] == 4.0
    assert smoothed(points) == sorted(smoothed(points), reverse=True)


def test_time_is_told_as_exactly_as_one_waits() -> None:
    assert [duration(seconds, "en") for seconds in (0, 59, 61, 3661)] == ["0 s", "59 s", "1 min 1 s", "1 h 1 min"]
