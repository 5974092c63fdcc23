from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from training.eyes import album as albums
from training.eyes import glance
from training.eyes.gathering.desk import Look
from training.eyes.gathering.problem import Problem
from training.eyes.gathering.taken import Kept, Taken
from training.eyes.llava import Talk
from ui import picture_view
from ui.picture_editor import shown


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_comes_from_files_is_escaped(language: str) -> None:
    problem = Problem("<b>.png", 3, "picture_awaited", {"file": "<script>"})
    said = picture_view.taken_html(Taken(problems=[problem], bad=1, times=200, known=2), language)
    assert "<script>" not in said and "<b>" not in said
    assert "&lt;script&gt;" in said and "200" in said


def test_a_problem_of_a_whole_file_has_no_row() -> None:
    said = picture_view.taken_html(Taken(problems=[Problem("a.zip", 0, "zip_broken", {"file": "a.zip"})], bad=1), "en")
    assert "<td></td>" in said and "<td>0</td>" not in said


def test_progress_is_told_also_before_the_files_are_counted() -> None:
    assert "width:0%" in picture_view.looking_html(Look(), "en")
    assert "width:50%" in picture_view.looking_html(Look(2, 4), "zh")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_album_is_told_in_numbers(language: str, tmp_path: Path) -> None:
    pictures = {name: Kept(name, name) for name in ("a", "b", "c")}
    album = albums.Album(tmp_path, pictures, [Talk(("q", "a", "q", "a"), "a"), Talk(("q", "a"))], {"b": "?"})
    said = picture_view.counts(album, language)
    assert all(number in said for number in ["3", "1", "2"])
    assert shown(album, "", only_silent=True) == ["b", "c"]
    assert shown(album, "a", only_silent=True) == ["a", "b", "c"], "the one that is written about stays"
    assert picture_view.clearing(album, language)


def test_a_small_copy_is_made_once_and_of_any_kind(own_home: Path) -> None:
    album = albums.new()
    (album.folder / "images").mkdir()
    Image.new("P", (900, 300)).save(album.folder / "images" / "a.png")
    album.pictures["images/a.png"] = Kept("a.png", "mark")
    place = glance.small(album, "images/a.png", 200)
    with Image.open(place) as image:
        assert (image.format, image.size) == ("JPEG", (200, 67))
    (album.folder / "images" / "a.png").unlink()
    assert glance.small(album, "images/a.png", 200) == place
    assert place.is_relative_to(own_home / "cache")
