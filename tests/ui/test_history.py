"""The table of runs and what tells them apart."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from training import home
from training.files import write_json
from training.recipe import Recipe
from ui.history import Entry, differences, differences_html, disk_said, entries, labels, megabytes, table_html

NASTY = "<img src=x onerror=alert(1)>"


def spec(name: str = "a", **recipe: Any) -> dict[str, Any]:
    return {"name": name, "model": "starter", "dataset": "who", "device": "cpu", "recipe": asdict(Recipe(**recipe))}


def entry(name: str, **recipe: Any) -> Entry:
    return Entry(f"id-{name}", "done", False, spec(name, **recipe), 4, 4, 0.5, (0.98, None), 61.0, 5 << 20)


def put(run: str, phase: str, **values: Any) -> None:
    folder = home.runs_dir() / run
    folder.mkdir()
    write_json(folder / "spec.json", spec(run))
    write_json(folder / "status.json", {"run": run, "phase": phase, **values})


def test_only_what_differs_is_told() -> None:
    assert differences([spec(lora_rank=8), spec(lora_rank=32)]) == {"lora_rank": [8, 32]}
    assert differences([spec(), spec()]) == {}


def test_a_setting_of_another_version_is_told_by_its_own_name() -> None:
    old = spec()
    old["recipe"]["retired"] = True
    assert differences([old, spec()]) == {"retired": [True, None]}
    told = differences_html([Entry("x", "done", False, old, 0, 0, None, None, 0, 0), entry("b")], "en")
    assert "retired" in told


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_a_person_typed_is_shown_as_text(language: str) -> None:
    nasty = entry(NASTY)
    nasty.spec["note"] = NASTY
    assert "<img" not in table_html([nasty], [], language)
    assert "<img" not in differences_html([nasty, entry("b", steps=7)], language)


def test_runs_of_the_same_name_can_be_told_apart() -> None:
    twins = [entry("a"), Entry("other", "done", False, spec("a"), 0, 0, None, None, 0, 0), entry("b")]
    assert labels(twins) == {"id-a": "a #1", "other": "a #2", "id-b": "b"}


def test_the_newest_run_comes_first_and_a_broken_one_can_still_be_chosen() -> None:
    put("20260101-a", "done", step=4, total=4)
    put("20260102-b", "stopped")
    (home.runs_dir() / "20260102-b" / "spec.json").write_text("{")
    found = entries()
    assert [each.run for each in found] == ["20260102-b", "20260101-a"]
    for language in ("zh", "en"):
        assert 'data-run="20260102-b"' in table_html(found, [], language)
        assert disk_said(found, language)


def test_a_size_is_told_as_one_reads_it() -> None:
    assert [megabytes(size) for size in (0, 5 << 20, 3 << 30)] == ["0.0 MB", "5.0 MB", "3.0 GB"]
