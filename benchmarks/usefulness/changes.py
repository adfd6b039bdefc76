"""What real, fake and control of a test pair go through alike before a detector sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from datagen.core.images import encode_jpeg

__all__ = ["changed", "clean"]

_SAMPLINGS = ("4:2:0", "4:4:4")
_DOWN = (cv2.INTER_AREA, cv2.INTER_LINEAR)
_UP = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)


def clean(images: Sequence[Any], rng: np.random.Generator) -> list[bytes]:
    """Encode the images of a pair alike, as the training releases are: JPEG of 75 to 95."""
    quality, sampling = int(rng.integers(75, 96)), _SAMPLINGS[rng.integers(2)]
    return [encode_jpeg(np.ascontiguousarray(image), quality, sampling) for image in images]


def changed(images: Sequence[Any], rng: np.random.Generator) -> list[bytes]:
    """Change color and scale of the images of a pair alike and encode them as JPEG of 40 to 90.

    Color: gain and offset of each channel, saturation, gamma. Scale: reduced to between half and
    nine tenths of the side and enlarged again.
    """
    gain, offset = rng.uniform(0.88, 1.12, 3), rng.uniform(-12, 12, 3)
    saturation, gamma = rng.uniform(0.6, 1.4), np.exp(rng.uniform(-0.3, 0.3))
    share = rng.uniform(0.5, 0.9)
    down, up = _DOWN[rng.integers(2)], _UP[rng.integers(2)]
    quality, sampling = int(rng.integers(40, 91)), _SAMPLINGS[rng.integers(2)]

    def one(image: Any) -> bytes:
        made = image.astype(np.float32) * gain + offset
        gray = made.mean(axis=2, keepdims=True)
        made = np.clip(gray + (made - gray) * saturation, 0, 255)
        made = (255 * (made / 255) ** gamma).astype(np.float32)
        height, width = made.shape[:2]
        small = cv2.resize(made, (round(width * share), round(height * share)), interpolation=down)
        made = cv2.resize(small, (width, height), interpolation=up)
        whole = np.clip(np.rint(made), 0, 255).astype(np.uint8)
        return encode_jpeg(np.ascontiguousarray(whole), quality, sampling)

    return [one(image) for image in images]
