from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from training.errors import UserError
from training.eyes import pictures


def refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        pictures.look(path)
    assert path.name in caught.value.sentence("en") and path.name in caught.value.sentence("zh")
    return caught.value.code


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def half_red() -> Image.Image:
    """40 x 20: red to the left, blue to the right."""
    image = Image.new("RGB", (40, 20), "red")
    image.paste("blue", (20, 0, 40, 20))
    return image


def colour(image: Image.Image, x: int, y: int) -> str:
    pixel = image.getpixel((x, y))
    assert isinstance(pixel, tuple)
    red, green, blue = pixel
    return "white" if min(pixel) > 200 else "red" if red > max(green, blue) + 80 else "blue" if blue > red else "?"


def test_what_is_not_there_and_what_is_no_picture_are_told(tmp_path: Path) -> None:
    assert refused(tmp_path / "nowhere.png") == "picture_missing"
    assert refused(tmp_path) == "picture_missing"
    for content in (b"", b"no picture", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"<svg/>"):
        (tmp_path / "file.png").write_bytes(content)
        assert refused(tmp_path / "file.png") == "picture_unreadable"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF"])
def test_half_a_picture_is_broken_and_a_whole_one_is_read(kind: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(buffer, kind)
    (tmp_path / "whole").write_bytes(buffer.getvalue())
    assert pictures.look(tmp_path / "whole").size == (64, 64)
    (tmp_path / "half").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    assert refused(tmp_path / "half") == "picture_unreadable"


@pytest.mark.parametrize("side", [7000, 60000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(side: int, tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(data)
    assert refused(tmp_path / "bomb.png") == "picture_huge"


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_a_picture_that_moves_is_refused(kind: str, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    path = saved(frames[0], tmp_path / f"moves.{kind.lower()}", save_all=True, append_images=frames[1:])
    assert refused(path) == "picture_animated"


def test_a_photo_that_was_held_sideways_stands_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    upright = pictures.look(saved(half_red(), tmp_path / "photo.jpg", exif=exif, quality=95))
    assert upright.size == (20, 40)
    assert (colour(upright, 10, 5), colour(upright, 10, 35)) == ("red", "blue")


def test_print_colours_become_screen_colours(tmp_path: Path) -> None:
    picture = pictures.look(saved(half_red().convert("CMYK"), tmp_path / "print.jpg", quality=95))
    assert picture.mode == "RGB"
    assert (colour(picture, 5, 10), colour(picture, 35, 10)) == ("red", "blue")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_becomes_white(mode: str, tmp_path: Path) -> None:
    image = half_red().convert("RGBA")
    image.paste((0, 0, 0, 0), (20, 0, 40, 20))
    if mode == "P":
        image = image.quantize(8)
    elif mode == "LA":
        image = image.convert("LA")
    picture = pictures.look(saved(image, tmp_path / "clear.png"))
    assert picture.mode == "RGB"
    assert colour(picture, 35, 10) == "white"
    assert colour(picture, 5, 10) != "white"


def test_greys_of_16_bits_keep_their_shades(tmp_path: Path) -> None:
    image = Image.new("I;16", (2, 1))
    image.putpixel((0, 0), 1000)
    image.putpixel((1, 0), 60000)
    picture = pictures.look(saved(image, tmp_path / "scan.png"))
    assert [picture.getpixel((x, 0)) for x in (0, 1)] == [(0, 0, 0), (255, 255, 255)]
