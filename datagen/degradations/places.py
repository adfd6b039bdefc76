"""Whether a degradation left everything at the place that its homography says.

Masks and landmarks follow the homography alone: where pixels move otherwise, labels are wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image
from datagen.degradations.base import Homography, warp
from datagen.errors import ContractError

__all__ = ["check_places"]

_SIDE = 64
_COARSE = 6.0  # what is coarser than this is light and color, not content
_NEAR = 2  # pixels of ``_SIDE``: blur and pixelation move content by less
_ALIKE, _BETTER = 0.6, 0.1

Plane = NDArray[np.float64]


def check_places(kinds: str, before: Image, after: Image, matrix: Homography | None) -> None:
    """Compare where the content of an image is with where it should be.

    Only clear cases are told: the image fits much better if it is shifted or turned.

    Args:
        kinds: Names of the degradations, for the message.
        before: The image before.
        after: The degraded image.
        matrix: Homography from pixels before to pixels after; ``None`` if no pixel should move.

    Raises:
        ContractError: The content is shifted, mirrored or turned otherwise than ``matrix`` says.
    """
    wanted = _content(before if matrix is None else warp(before, matrix))
    found = _content(after)
    here = float((wanted * found).sum())
    how, likeness = max(_elsewhere(wanted, found), key=lambda one: one[1])
    if likeness >= _ALIKE and likeness - here >= _BETTER:
        raise ContractError(
            f"degradation {kinds!r} left the image {how}, and masks and landmarks would not "
            "follow. If it moves pixels, set 'moves = True' and return where to from 'homography'"
        )


def _content(image: Image) -> Plane:
    """Return what is in an image, small and without its light, as a vector of length 1."""
    gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(gray, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    plane: Any = small - cv2.GaussianBlur(small, (0, 0), _COARSE)
    plane -= plane.mean()
    length = float(np.sqrt((plane**2).sum()))
    return np.asarray(plane / max(length, 1e-9), np.float64)


def _elsewhere(wanted: Plane, found: Plane) -> Iterator[tuple[str, float]]:
    """Yield how content may have moved, and how well the image then fits."""
    turns = {
        "mirrored": wanted[:, ::-1],
        "upside down": wanted[::-1],
        "turned by 180 degrees": wanted[::-1, ::-1],
        "turned by 90 degrees": np.rot90(wanted),
        "turned by 270 degrees": np.rot90(wanted, 3),
        "with rows and columns exchanged": wanted.T,
    }
    for how, turned in turns.items():
        yield how, float((turned * found).sum())
    fits = np.fft.ifft2(np.fft.fft2(found) * np.conj(np.fft.fft2(wanted))).real
    place = np.unravel_index(int(fits.argmax()), fits.shape)
    down, right = (int(one) if one <= _SIDE // 2 else int(one) - _SIDE for one in place)
    if max(abs(down), abs(right)) >= _NEAR:
        yield f"shifted by {right / _SIDE:.0%}, {down / _SIDE:.0%} of its sides", float(fits.max())
