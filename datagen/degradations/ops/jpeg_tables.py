"""Quantization tables of encoders that do not use those of Annex K of ITU-T T.81.

A table holds 64 divisors at quality 50, lowest frequency first, for luma and chroma. Each line of
numbers is two rows of eight.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["OWN_TABLES", "scaled"]

_FLAT = (16,) * 64

# N. Robidoux for ImageMagick, after Klein, Silverstein & Carney (1992); the default of mozjpeg.
# fmt: off
_ROBIDOUX = (
    16, 16, 16, 18, 25, 37, 56, 85, 16, 17, 20, 27, 34, 40, 53, 75,
    16, 20, 24, 31, 43, 62, 91, 135, 18, 27, 31, 40, 53, 74, 106, 156,
    25, 34, 43, 53, 69, 94, 131, 189, 37, 40, 62, 74, 94, 124, 169, 238,
    56, 53, 91, 106, 131, 169, 226, 311, 85, 75, 135, 156, 189, 238, 311, 418,
)

# Klein, Silverstein & Carney, SPIE 1666 (1992), Relevance of human vision to JPEG-DCT compression
_KLEIN = (
    10, 12, 14, 19, 26, 38, 57, 86, 12, 18, 21, 28, 35, 41, 54, 76,
    14, 21, 25, 32, 44, 63, 92, 136, 19, 28, 32, 41, 54, 75, 107, 157,
    26, 35, 44, 54, 70, 95, 132, 190, 38, 41, 63, 75, 95, 125, 170, 239,
    57, 54, 92, 107, 132, 170, 227, 312, 86, 76, 136, 157, 190, 239, 312, 419,
)

# Peterson, Ahumada & Watson, SPIE 1913 (1993), An improved detection model for DCT coefficient
# quantization
_PETERSON = (
    14, 10, 11, 14, 19, 25, 34, 45, 10, 11, 11, 12, 15, 20, 26, 33,
    11, 11, 15, 18, 21, 25, 31, 38, 14, 12, 18, 24, 28, 33, 39, 47,
    19, 15, 21, 28, 36, 43, 51, 59, 25, 20, 25, 33, 43, 54, 64, 74,
    34, 26, 31, 39, 51, 64, 77, 91, 45, 33, 38, 47, 59, 74, 91, 108,
)
# fmt: on

OWN_TABLES: dict[str, tuple[int, ...]] = {
    "flat": _FLAT,
    "robidoux": _ROBIDOUX,
    "klein": _KLEIN,
    "peterson": _PETERSON,
}


def scaled(table: Sequence[int], quality: int) -> list[int]:
    """Return the table at a quality from 1 to 100, scaled as the Independent JPEG Group does.

    Divisors stay within 1 and 255, as baseline JPEG requires.
    """
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return [min(max((value * percent + 50) // 100, 1), 255) for value in table]
