"""A perceptual hash: the same for an image and its re-encoded or resized copies."""

from __future__ import annotations

import cv2
import numpy as np

from datagen.core.arrays import Image

__all__ = ["distance", "mirrored", "phash"]

_ODD = int("55" * 8, 16)  # the coefficients that change their sign


def phash(image: Image) -> str:
    """Return 16 hex digits: which of the 64 lowest DCT coefficients exceed their median.

    The image is reduced to 32x32 pixels of gray (Zauner 2010, section 3.2.1).
    """
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(gray, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    low = cv2.dct(small)[:8, :8]
    bits = (low > np.median(low)).ravel()
    return np.packbits(bits).tobytes().hex()


def distance(first: str, second: str) -> int:
    """Return the number of the 64 bits in which two hashes differ."""
    return (int(first, 16) ^ int(second, 16)).bit_count()


def mirrored(hash_: str) -> str:
    """Return what the hash of the mirrored image is, but for a few bits.

    Mirroring turns the sign of every second coefficient of a row.
    """
    return f"{int(hash_, 16) ^ _ODD:016x}"
