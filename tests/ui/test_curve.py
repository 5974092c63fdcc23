"""What a plot is given to draw."""

from __future__ import annotations

from training.runs.progress import Point
from ui.curve import MOST_POINTS, axes, colours, final_loss, overlaid, smoothed, staged, table


def points(losses: list[float]) -> list[Point]:
    return [Point(step, loss, 0.001, 1.0, 2.0) for step, loss in enumerate(losses, 1)]


def test_the_smoothed_curve_begins_where_the_measured_one_does() -> None:
    values = smoothed([4.0, 2.0, 2.0, 2.0])
    assert values[0] == 4.0 and values == sorted(values, reverse=True)


def test_a_long_curve_is_thinned_and_its_spike_stays() -> None:
    drawn = table(points([1.0] * 12_345 + [99.0] + [1.0] * 7_654), "loss", "en")
    assert len(drawn) < 3 * MOST_POINTS
    assert drawn["Loss"].max() == 99.0
    assert drawn["Step"].min() == 1 and drawn["Step"].max() == 20_000


def test_a_measure_that_was_not_logged_gives_an_empty_table() -> None:
    bare = [Point(1, 2.0, 0.001, 1.0)]
    assert len(table(bare, "grad_norm", "en")) == 0 and len(table(bare, "learning_rate", "zh")) == 1


def test_every_line_of_a_table_has_its_colour_and_its_axes() -> None:
    for language in ("zh", "en"):
        for measure in ("loss", "learning_rate", "grad_norm"):
            drawn = table(points([2.0, 1.0]), measure, language)
            assert set(drawn["series"]) == set(colours(measure, language))
            assert set(axes(measure, language)) <= set(drawn.columns)


def test_compared_runs_are_smoothed_and_a_loss_that_is_no_number_is_left_out() -> None:
    drawn = overlaid({"a": points([3.0, float("nan"), 1.0]), "b": points([2.0])}, "en")
    assert list(drawn["series"]) == ["a", "a", "a", "b"] and drawn["Loss"].notna().all()
    assert final_loss([]) is None and final_loss(points([3.0])) == 3.0


def test_two_stages_are_two_lines_that_both_begin_at_their_first_step() -> None:
    for measure in ("loss", "learning_rate"):
        drawn = staged(points([3.0, 2.0]), points([9.0, 5.0, 1.0]), measure, "en")
        assert list(drawn["Step"]) == [1, 2, 1, 2, 3]
        assert list(colours(measure, "en", True)) == list(drawn["series"].unique()) == ["first stage", "second stage"]
    assert set(staged(points([3.0]), [], "loss", "zh")["series"]) == {"第一阶段"}
