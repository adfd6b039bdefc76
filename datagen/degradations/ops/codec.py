"""Shared by the kinds that encode and decode: reading back, and the names of libraries."""

from __future__ import annotations

import re
from functools import cache
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import PIL
from PIL import Image as Pillow
from PIL import features

from datagen.core.arrays import Image

__all__ = ["decoded", "opencv_name", "pillow_encoded", "pillow_name"]


def decoded(data: bytes | np.ndarray) -> Image:
    """Read an encoded image as RGB, with OpenCV."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("OpenCV cannot decode what was encoded")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def pillow_encoded(image: Image, format_: str, **options: Any) -> bytes:
    """Return the bytes of an image, encoded by Pillow."""
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
