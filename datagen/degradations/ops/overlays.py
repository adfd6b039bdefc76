"""Occluding objects, drawn in place without any asset files."""

from __future__ import annotations

from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image

__all__ = ["Pen", "block", "caption", "emoji", "sticker"]

Color: TypeAlias = tuple[int, int, int]

_FONT = cv2.FONT_HERSHEY_DUPLEX
_FIXED = 4  # fractional bits of coordinates
_WORDS = ("LOL", "WOW", "so true", "no way", "me today", "breaking news", "wait for it", "2 good")
_COLORS: tuple[Color, ...] = (
    (230, 60, 70),
    (250, 170, 40),
    (70, 170, 90),
    (60, 120, 220),
    (170, 80, 200),
    (255, 120, 180),
    (40, 40, 45),
)
_WHITE, _DARK, _SKIN, _RIM, _RED = (
    (255, 255, 255),
    (60, 40, 20),
    (255, 205, 60),
    (225, 150, 30),
    (225, 50, 70),
)


class Pen:
    """Draws anti-aliased shapes that are given around the origin with radius 1."""

    def __init__(
        self, image: Image, center: NDArray[np.float64], radius: float, tilt: float
    ) -> None:
        self._image, self._center = image, center
        turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
        self._matrix = radius * turn

    def fill(self, points: NDArray[np.float64], color: Color) -> None:
        """Fill a polygon."""
        placed = (points @ self._matrix.T + self._center) * (1 << _FIXED)
        fixed = np.rint(placed).astype(np.int32)
        cv2.fillPoly(self._image, [fixed], color, cv2.LINE_AA, _FIXED)

    def oval(self, at: tuple[float, float], rx: float, ry: float, color: Color) -> None:
        """Fill an upright ellipse."""
        self.fill(_circle() * [rx, ry] + at, color)


def _circle(start: float = 0, end: float = 2 * np.pi) -> NDArray[np.float64]:
    return _around(np.linspace(start, end, 40))


def _around(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _heart() -> NDArray[np.float64]:
    angle = np.linspace(0, 2 * np.pi, 40)
    x = 16 * np.sin(angle) ** 3
    y = 13 * np.cos(angle) - 5 * np.cos(2 * angle) - 2 * np.cos(3 * angle) - np.cos(4 * angle)
    return np.stack([x, -y - 2.5], axis=1) / 16


def _star(tips: int, inner: float) -> NDArray[np.float64]:
    angle = np.arange(2 * tips) * np.pi / tips - np.pi / 2
    reach = np.where(np.arange(2 * tips) % 2, inner, 1.0)
    return np.asarray(_around(angle) * reach[:, None], np.float64)


def _rectangle(x: float, y: float, left: float = 0, down: float = 0) -> NDArray[np.float64]:
    return np.array([[left + i * x, down + j * y] for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))])


def sticker(pen: Pen, draws: NDArray[np.float64]) -> None:
    """Draw a star, heart, badge, bar or disc with a white rim, chosen by two draws."""
    color = _COLORS[int(draws[1] * len(_COLORS))]
    shapes = (_star(5, 0.5), _heart(), _star(14, 0.78), _rectangle(1, 0.28), _circle())
    shape = shapes[int(draws[0] * len(shapes))]
    pen.fill(shape * 1.0, _WHITE)
    pen.fill(shape * 0.86, color)


def emoji(pen: Pen, draws: NDArray[np.float64]) -> None:
    """Draw a yellow face with one of three kinds of eyes and mouths, chosen by two draws."""
    pen.oval((0, 0), 1, 1, _RIM)
    pen.oval((0, -0.02), 0.94, 0.93, _SKIN)
    eyes, mouth = int(draws[0] * 3), int(draws[1] * 3)
    for side in (-1, 1):
        if eyes == 0:
            pen.oval((0.33 * side, -0.2), 0.11, 0.17, _DARK)
        elif eyes == 1:
            pen.fill(_heart() * 0.3 + [0.38 * side, -0.22], _RED)
        else:
            pen.fill(_rectangle(0.36, 0.2, 0.4 * side, -0.22), (25, 25, 30))
    if eyes == 2:
        pen.fill(_rectangle(0.8, 0.05, 0, -0.37), (25, 25, 30))
    if mouth == 0:
        half = _circle(0, np.pi) * [0.52, 0.48] + [0, 0.2]
        pen.fill(half, _DARK)
        pen.fill(_rectangle(0.42, 0.07, 0, 0.28), _WHITE)
    elif mouth == 1:
        outer, inner = _circle(0.3, np.pi - 0.3), _circle(0.3, np.pi - 0.3)[::-1]
        pen.fill(np.concatenate([outer * 0.62, inner * 0.52]), _DARK)
    else:
        pen.oval((0, 0.45), 0.16, 0.22, _DARK)


def block(
    image: Image, center: NDArray[np.float64], radius: float, draws: NDArray[np.float64]
) -> None:
    """Fill an upright rectangle with black, gray or white, chosen by two draws."""
    shape = 2.0 ** (1.2 * draws[0] - 0.6)
    x, y = center - 0.5
    levels = (0, 128, 255)
    level = levels[int(draws[1] * 3)]
    left, top = round(max(x - radius * shape, 0)), round(max(y - radius / shape, 0))
    image[top : round(y + radius / shape) + 1, left : round(x + radius * shape) + 1] = level


def caption(
    image: Image, center: NDArray[np.float64], radius: float, draws: NDArray[np.float64]
) -> None:
    """Write text on a strip or with a dark outline, within the image, chosen by three draws."""
    words = _WORDS[int(draws[0] * len(_WORDS))]
    size = np.array(image.shape[1::-1])
    unit = np.array(cv2.getTextSize(words, _FONT, 4.0, 8)[0]) / 4
    scale = float(min(radius / unit[1], 0.85 * size[0] / unit[0], 0.6 * size[1] / unit[1]))
    thick = max(1, round(2 * scale))
    (wide, high), below = cv2.getTextSize(words, _FONT, scale, thick)
    pad = max(2, high // 4)
    box = np.minimum([wide + 2 * pad, high + below + 2 * pad], size)
    left, top = np.clip(np.rint(center - box / 2), 0, size - box).astype(int)
    letters = np.zeros((box[1], box[0]), np.uint8)
    cv2.putText(letters, words, (pad, high + pad), _FONT, scale, (255,), thick, cv2.LINE_AA)
    part = image[top : top + box[1], left : left + box[0]]
    if draws[1] < 0.5:
        part[:] = _COLORS[int(draws[2] * len(_COLORS))]
    else:
        thickness = 2 * (pad // 2) + 1
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (thickness, thickness))
        outline = cv2.cvtColor(cv2.dilate(letters, kernel), cv2.COLOR_GRAY2RGB)
        part[:] = cv2.multiply(part, cv2.bitwise_not(outline), scale=1 / 255)
    white = cv2.cvtColor(letters, cv2.COLOR_GRAY2RGB)
    part[:] = cv2.add(cv2.multiply(part, cv2.bitwise_not(white), scale=1 / 255), white)
