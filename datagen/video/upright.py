"""Frames as they are shown: the display matrix of a stream turns and mirrors them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from datagen.core.arrays import Image
from datagen.errors import VideoError

if TYPE_CHECKING:
    from av import VideoFrame

__all__ = ["UPRIGHT", "Turn", "turn_of", "turned"]

Turn: TypeAlias = tuple[bool, bool, bool]
"""Whether to exchange rows and columns, then to mirror left and right, then top and bottom."""

UPRIGHT: Turn = (False, False, False)

_TOLERANCE = 0.02  # of the sine: a little more than one degree


def turn_of(frame: VideoFrame) -> Turn:
    """Return how a frame must be turned.

    Raises:
        VideoError: By an angle that is no multiple of 90 degrees.
    """
    from av.sidedata.sidedata import Type

    sides: Any = frame.side_data  # its keys are types, not the texts of its annotation
    data = sides.get(Type.DISPLAYMATRIX)
    if data is None:
        return UPRIGHT
    values = struct.unpack("=9i", bytes(data)[:36])
    across, down = np.array(values[0:2], float), np.array(values[3:5], float)
    lengths = np.hypot(*across), np.hypot(*down)
    if min(lengths) == 0:
        raise VideoError("its rotation flag cannot be read")
    (a, b), (c, d) = across / lengths[0], down / lengths[1]
    if max(abs(b), abs(c)) < _TOLERANCE:
        return (False, bool(a < 0), bool(d < 0))
    if max(abs(a), abs(d)) < _TOLERANCE:
        return (True, bool(c < 0), bool(b < 0))
    degrees = round(float(np.degrees(np.arctan2(b, a))))
    raise VideoError(f"rotated by {degrees} degrees: expected a multiple of 90")


def turned(image: Image, turn: Turn) -> Image:
    """Return the image as it is shown."""
    exchange, left_right, top_bottom = turn
    if exchange:
        image = image.transpose(1, 0, 2)
    if left_right:
        image = image[:, ::-1]
    if top_bottom:
        image = image[::-1]
    return np.ascontiguousarray(image)
