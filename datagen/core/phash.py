"""A perceptual hash: the same for an image and its re-encoded or resized copies."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image

__all__ = ["distance", "phash", "phash_both"]


def phash(image: Image) -> str:
    """Return 16 hex digits: which of the 64 lowest DCT coefficients exceed their median.

    The image is reduced to 32x32 pixels of gray (Zauner 2010, section 3.2.1).
    """
    return _hash(_reduced(image))


def phash_both(image: Image) -> tuple[str, str]:
    """Return the hash of an image and that of the mirrored image, see ``phash``."""
    small = _reduced(image)
    return _hash(small), _hash(np.ascontiguousarray(small[:, ::-1]))


def _reduced(image: Image) -> NDArray[np.float32]:
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return cv2.resize(gray, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)


def _hash(small: NDArray[np.float32]) -> str:
    low = cv2.dct(small)[:8, :8]
    bits = (low > np.median(low)).ravel()
    return np.packbits(bits).tobytes().hex()


def distance(first: str, second: str) -> int:
    """Return the number of the 64 bits in which two hashes differ."""
    return (int(first, 16) ^ int(second, 16)).bit_count()
