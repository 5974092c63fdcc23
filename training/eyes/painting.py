"""From a scene to a picture. Pillow only; the same scene always gives the same pixels."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw

from training.eyes.scenes import Scene

SIDE = 224
_FINE = 4
"""Drawn so many times larger, then made smaller: smooth edges."""
_INK = {
    "red": "#d92626",
    "yellow": "#f5c400",
    "green": "#1f9d3a",
    "blue": "#2456d6",
    "black": "#1a1a1a",
    "purple": "#8a2fc0",
}
_CORNERS = {"square": 4, "triangle": 3, "star": 5}


def paint(scene: Scene) -> Image.Image:
    """The picture, RGB, SIDE x SIDE."""
    unit = SIDE * _FINE / 100
    image = Image.new("RGB", (SIDE * _FINE, SIDE * _FINE), scene.background)
    draw = ImageDraw.Draw(image)
    for x, y, radius, turn in scene.figures:
        centre, size = (x * unit, y * unit), radius * unit
        if scene.shape == "circle":
            draw.circle(centre, size, fill=_INK[scene.colour])
        else:
            draw.polygon(_outline(scene.shape, centre, size, turn), fill=_INK[scene.colour])
    return image.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def _outline(shape: str, centre: tuple[float, float], size: float, turn: int) -> list[tuple[float, float]]:
    corners = _CORNERS[shape]
    points = 2 * corners if shape == "star" else corners
    start = math.radians(turn - 90 + (45 if shape == "square" else 0))  # a corner above; a square lies on its side
    outline = []
    for at in range(points):
        reach = size * (0.42 if shape == "star" and at % 2 else 1.15)
        angle = start + 2 * math.pi * at / points
        outline.append((centre[0] + reach * math.cos(angle), centre[1] + reach * math.sin(angle)))
    return outline
