"""Shared by the kinds that encode and decode: ranges, reading back, and names of libraries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import PIL
from PIL import Image as Pillow
from PIL import features

from datagen.types import Image

__all__ = ["between", "decoded", "opencv_name", "pick", "pillow_encoded", "pillow_name", "within"]


def within(what: str, span: tuple[float, float], low: float, high: float) -> None:
    """Raise ``ValueError`` naming ``what`` unless ``span`` lies within ``low`` and ``high``."""
    if not low <= span[0] <= span[1] <= high:
        raise ValueError(f"{what}: want a range within {low:g} and {high:g}")


def between(draw: float, span: tuple[int, int]) -> int:
    """Turn a draw from [0, 1) into a whole number of ``span``, both ends included."""
    return span[0] + int(draw * (span[1] - span[0] + 1))


def pick(draw: float, choices: Sequence[Any]) -> Any:
    """Turn a draw from [0, 1) into one of ``choices``, with even odds."""
    return choices[int(draw * len(choices))]


def decoded(data: bytes | np.ndarray) -> Image:
    """Read an encoded picture as RGB, with OpenCV."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("OpenCV cannot decode what was encoded")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def pillow_encoded(image: Image, format_: str, **options: Any) -> bytes:
    """Return the bytes of a picture, encoded by Pillow."""
    buffer = BytesIO()
    Pillow.fromarray(image).save(buffer, format_, **options)
    return buffer.getvalue()


@cache
def pillow_name(codec: str, library: str) -> str:
    """Name Pillow and what it encodes with, e.g. ``pillow 12.0.0 (libwebp 1.6.0)``."""
    return f"pillow {PIL.__version__} ({library} {features.version(codec) or 'unknown'})"


@cache
def opencv_name(codec: str) -> str:
    """Name OpenCV and what it was built with, e.g. ``opencv 4.12.0 (libjpeg-turbo 3.1.2-70)``."""
    line = re.search(rf"^\s*{codec}:\s*(.+)$", cv2.getBuildInformation(), re.MULTILINE)
    built = "unknown" if line is None else line[1]
    found = re.fullmatch(r"(?:build-|.*/)?([\w.+-]+) \(ver ([\w.-]+)\)", built.strip())
    library = built.strip() if found is None else f"{found[1]} {found[2]}"
    return f"opencv {cv2.__version__} ({library})"
