"""The one format of each kind of array, and its check.

A function that takes one of these types may rely on the format. Arrays from outside (a file, an
analyzer, a plug-in) go through ``check_*`` first and are refused, never repaired.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Affine",
    "Box",
    "Image",
    "Landmarks",
    "Mask",
    "Mesh",
    "check_image",
    "check_landmarks",
    "check_mask",
    "check_mesh",
]

Image: TypeAlias = NDArray[np.uint8]
"""``(height, width, 3)`` uint8, RGB order, sRGB, C-contiguous."""

Mask: TypeAlias = NDArray[np.uint8]
"""``(height, width)`` uint8: 0 is untouched, 255 is fully replaced."""

Landmarks: TypeAlias = NDArray[np.float32]
"""``(68, 2)`` float32 in pixels, x to the right and y down, in the order of 300-W
(Sagonas et al., ICCV workshops 2013). The center of the first pixel is (0, 0)."""

Mesh: TypeAlias = NDArray[np.float32]
"""``(478, 3)`` float32: x and y in pixels, z in the same scale (smaller is nearer to the camera),
numbered as in MediaPipe's Face Landmarker."""

Box: TypeAlias = NDArray[np.float32]
"""``(4,)`` float32 in pixels: x0, y0, x1, y1."""

Affine: TypeAlias = NDArray[np.float64]
"""``(2, 3)`` float64: maps pixel coordinates, as a column (x, y, 1), to pixel coordinates."""


def check_image(array: NDArray[np.uint8], what: str) -> Image:
    """Return ``array`` if it is an ``Image``, else raise ``ValueError`` naming ``what``."""
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ValueError(f"{what}: expected (height, width, 3) uint8, got {_form(array)}")
    return np.ascontiguousarray(array)


def check_mask(array: NDArray[np.uint8], shape: tuple[int, ...], what: str) -> Mask:
    """Return ``array`` if it is a ``Mask`` of ``shape`` (height, width), else raise."""
    if array.dtype != np.uint8 or array.shape != shape[:2]:
        raise ValueError(f"{what}: expected {shape[:2]} uint8, got {_form(array)}")
    return np.ascontiguousarray(array)


def check_landmarks(array: NDArray[np.float32], what: str) -> Landmarks:
    """Return ``array`` if it is finite ``Landmarks``, else raise ``ValueError``."""
    return _finite_points(array, (68, 2), what)


def check_mesh(array: NDArray[np.float32], what: str) -> Mesh:
    """Return ``array`` if it is a finite ``Mesh``, else raise ``ValueError``."""
    return _finite_points(array, (478, 3), what)


def _finite_points(
    array: NDArray[np.float32], shape: tuple[int, int], what: str
) -> NDArray[np.float32]:
    if array.dtype != np.float32 or array.shape != shape:
        raise ValueError(f"{what}: expected {shape} float32, got {_form(array)}")
    if not np.isfinite(array).all():
        raise ValueError(f"{what}: contains values that are not finite")
    return np.ascontiguousarray(array)


def _form(array: NDArray[np.generic]) -> str:
    return f"{array.shape} {array.dtype}"
