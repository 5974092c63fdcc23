"""A picture as training and chat can use it: upright and RGB; or a sentence about what is wrong with it.

Pillow opens it twice at most and never decodes what its header says is too large.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, ImageOps

from training.errors import UserError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
"""What is opened; anything else that Pillow knows (PostScript runs programs) is refused."""
MOST_PIXELS = 40_000_000
"""A picture of more pixels is refused before it is decoded: 160 MB in memory."""


def look(path: Path, most: int = MOST_PIXELS, formats: tuple[str, ...] = FORMATS) -> Image.Image:
    """The picture, upright and RGB; what is transparent becomes white. `most`: pixels.

    Raises UserError(picture_missing, picture_unreadable, picture_huge, picture_animated).
    """
    if not path.is_file():
        raise UserError("picture_missing", file=path.name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of half of what it refuses; we refuse by our own measure
            with Image.open(path, formats=formats) as image:
                return _upright(image, path, most)
    except UserError:
        raise
    except Image.DecompressionBombError as error:
        raise UserError("picture_huge", file=path.name, most=most // 1_000_000) from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError) as error:  # as its decoders say that it is broken
        raise UserError("picture_unreadable", file=path.name) from error


def _upright(image: Image.Image, path: Path, most: int) -> Image.Image:
    if image.width * image.height > most:
        raise UserError("picture_huge", file=path.name, most=most // 1_000_000)
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":  # a phone's MPO holds one picture twice
        raise UserError("picture_animated", file=path.name)
    image.load()
    return _opaque(ImageOps.exif_transpose(image))


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _grey(image)
    if not image.has_transparency_data:
        return image.convert("RGB")  # CMYK, greys, palettes
    seen = image.convert("RGBA")
    white = Image.new("RGBA", seen.size, "white")
    return Image.alpha_composite(white, seen).convert("RGB")


def _grey(image: Image.Image) -> Image.Image:
    """16-bit greys as eyes see them; Pillow's own conversion would cut them off at 255."""
    shades = image.convert("F")
    least, most = (float(each) for each in shades.getextrema())  # type: ignore[arg-type]  # one band: two numbers
    if most > 255:
        scale = 255 / (most - least) if most > least else 0.0
        shades = shades.point(lambda value: value * scale - least * scale)
    return shades.convert("L").convert("RGB")
