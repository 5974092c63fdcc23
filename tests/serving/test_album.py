"""Pictures of talks: what is kept of what was sent, and until when."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

from serving.album import STRANGERS, Album, Bounds, thumbnail
from training.errors import UserError
from training.home import talks_dir


def sent(content: bytes, name: str = "cat.png", kind: str = "png") -> str:
    return f"data:image/{kind};name={quote(name, safe='')};base64,{base64.b64encode(content).decode()}"


def picture(size: tuple[int, int] = (40, 20), kind: str = "PNG", mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 90).convert(mode).save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def refused(content: str, album: Album | None = None) -> UserError:
    with pytest.raises(UserError) as caught:
        (album or Album()).keep(content)
    assert caught.value.sentence("zh") and caught.value.sentence("en")
    return caught.value


def test_a_picture_is_kept_as_it_was_seen_under_a_name_of_ours() -> None:
    album = Album()
    file = Path(album.keep(sent(picture(), "../../../etc/猫.png")))
    assert file.parent.parent == talks_dir() and len(file.stem) == 32
    assert Image.open(file).format == "PNG" and Image.open(file).size == (40, 20)
    assert [each.name for each in file.parent.iterdir()] == [file.name]  # what was sent is not kept
    assert file.parent.stat().st_mode & 0o077 == 0


def test_pixels_are_kept_exactly_and_large_ones_made_smaller() -> None:
    album = Album()
    content = picture()
    assert Image.open(album.keep(sent(content))).tobytes() == Image.open(io.BytesIO(content)).tobytes()
    assert Image.open(album.keep(sent(picture((2000, 500))))).size == (1024, 256)


def test_what_is_turned_transparent_or_cmyk_is_upright_and_rgb() -> None:
    album, exif = Album(), Image.Exif()
    exif[0x0112] = 6
    assert Image.open(album.keep(sent(picture(kind="JPEG", exif=exif)))).size == (20, 40)
    assert Image.open(album.keep(sent(picture(kind="JPEG", mode="CMYK")))).mode == "RGB"
    buffer = io.BytesIO()
    Image.new("RGBA", (8, 8), (255, 0, 0, 0)).save(buffer, "PNG")
    assert Image.open(album.keep(sent(buffer.getvalue()))).getpixel((4, 4)) == (255, 255, 255)


def test_what_is_wrong_is_told_by_the_name_that_the_visitor_knows() -> None:
    moving = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(moving, "GIF", save_all=True, append_images=frames[1:])
    for content, code in (
        (picture()[:60], "picture_unreadable"),
        (b"<svg/>", "picture_unreadable"),
        (moving.getvalue(), "picture_animated"),
    ):
        error = refused(sent(content, "my cat.png"))
        assert error.code == code and "my cat.png" in error.sentence("en")
    bomb = io.BytesIO()
    Image.new("1", (9000, 9000)).save(bomb, "PNG")
    assert refused(sent(bomb.getvalue())).code == "picture_huge"


@pytest.mark.parametrize("value", ["", "cat.png", "/etc/passwd", "data:image/png;base64,AAAA", sent(b"")[:-4] + "A"])
def test_what_is_no_picture_at_all_is_told(value: str) -> None:
    assert refused(value).code == "picture_unreadable"


def test_strangers_pictures_are_small_and_of_two_kinds() -> None:
    album = Album(STRANGERS)
    assert album.keep(sent(picture()))
    assert refused(sent(picture((400, 400))), album).code == "picture_heavy"
    assert (
        refused(sent(picture((5000, 5000), mode="1", optimize=True)[: STRANGERS.bytes]), album).code == "picture_huge"
    )
    assert refused(sent(picture(kind="TIFF")), album).code == "picture_unreadable"


def test_a_picture_leaves_with_its_talk_and_nothing_else_does(tmp_path: Path) -> None:
    album = Album()
    mine, other = album.keep(sent(picture())), album.keep(sent(picture()))
    stranger = tmp_path / "file.png"
    stranger.write_bytes(b"x")
    album.drop([mine, str(stranger), f"{Path(other).parent}/../{stranger.name}"])
    assert not Path(mine).exists() and Path(other).exists() and stranger.exists()
    album.drop([mine])


@pytest.mark.parametrize("side", [1, 64])
def test_the_oldest_leave_when_all_take_too_many_blocks_of_the_disk(side: int) -> None:
    content = sent(picture((side, side)))
    blocks = -(-Path(Album().keep(content)).stat().st_size // 4096)
    album = Album(Bounds(kept=2 * blocks * 4096))
    files = [Path(album.keep(content)) for _ in range(4)]
    assert [file.exists() for file in files] == [False, False, True, True]


def test_a_talk_ends_for_itself_and_what_is_gone_already_does_no_harm() -> None:
    album = Album(Bounds(kept=4096))
    first = Path(album.keep(sent(picture((1, 1))), "one"))
    first.unlink()
    second = Path(album.keep(sent(picture((1, 1))), "two"))  # the first one has to leave for it
    album.end("one")
    assert second.exists()
    album.end("two")
    assert not second.exists()


def test_what_a_killed_page_left_is_swept_by_the_next_one() -> None:
    left, living = talks_dir() / "999999999-aa", talks_dir() / f"{os.getppid()}-bb"
    for folder in (left, living):
        folder.mkdir()
    Album().keep(sent(picture()))
    assert not left.exists() and living.exists()


def test_a_thumbnail_is_small_and_needs_no_file() -> None:
    file = Album().keep(sent(picture((1000, 500))))
    url = thumbnail(file)
    small = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    assert small.size == (320, 160) and len(url) < 60_000
    assert thumbnail(f"{file}-gone") == ""
