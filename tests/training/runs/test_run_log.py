from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from training.runs import growing, run_log

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Adds to the log of a run folder."""

    def add(text: str) -> Path:
        with (tmp_path / "run.log").open("ab") as file:
            file.write(text.encode())
        return tmp_path

    return add


def test_a_progress_bar_is_one_line_of_the_log(write: Write) -> None:
    assert run_log.tail(write("map:  10%|\rmap:  50%|\rmap: 100%|\n下一行\r\n")) == "map: 100%|\n下一行\n"


def test_a_bar_that_writes_a_line_for_every_state_is_one_line_too(write: Write) -> None:
    folder = write("begin\n" + "".join(f"Map:  {share}%|### | {share}/100\n" for share in range(100)) + "end\n")
    assert run_log.tail(folder) == "begin\nMap:  99%|### | 99/100\nend\n"


def test_a_long_bar_does_not_hide_what_came_before_it(write: Write) -> None:
    folder = write("the reason\n" + "\r".join(f"Map:  50%|{'#' * 500}" for _ in range(1000)))
    assert run_log.tail(folder).startswith("the reason\n")


def test_the_end_of_a_long_log_may_begin_inside_a_character(write: Write) -> None:
    assert run_log.tail(write("字" * 100_000), 100) == "字" * 100


def test_colours_of_a_terminal_are_left_out(write: Write) -> None:
    folder = write("\x1b[32mINFO\x1b[0m all is well\n")
    assert run_log.tail(folder) == "INFO all is well\n"
    assert run_log.search(folder, "info") == (1, ["INFO all is well"])


def test_a_search_finds_the_newest_lines_and_goes_on_where_it_was(write: Write) -> None:
    folder = write("".join(f"line {number} of Müller\n" for number in range(1000)) + "half a l")
    count, lines = run_log.search(folder, "LINE")
    assert count == 1000
    assert lines == [f"line {number} of Müller" for number in range(800, 1000)]
    write("ine\n")
    assert run_log.search(folder, "LINE")[0] == 1001 and run_log.search(folder, "a line") == (1, ["half a line"])


def test_a_search_reads_on_over_the_seams_of_its_pieces(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "CHUNK", 64)
    folder = write("".join(f"{number} needle {'x' * (number % 50)}\n" for number in range(100)))
    assert run_log.search(folder, "needle")[0] == 100
    assert len({line.split()[0] for line in run_log.search(folder, "needle")[1]}) == 100
