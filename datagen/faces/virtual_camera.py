"""A virtual camera over a still image: sub-pixel motion of the whole image, never of the face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Affine

__all__ = ["CameraMotion", "draw_camera"]

# A hand-held camera trembles slowly: most of its motion is below a few hertz.
_WAVES = 5
_HERTZ = (0.3, 3.0)


@dataclass(frozen=True, slots=True, eq=False)
class CameraMotion:
    """The path of a camera through a clip.

    Attributes:
        shift: Shift of each frame as shares of the crop's side, ``(T, 2)`` float64.
        zoom: Magnification of each frame, ``(T,)`` float64.
        turn: Rotation of each frame in degrees, clockwise in the image, ``(T,)`` float64.
    """

    shift: NDArray[np.float64]
    zoom: NDArray[np.float64]
    turn: NDArray[np.float64]

    def matrices(self, size: int) -> list[Affine]:
        """Return the map from pixels of the still crop to pixels of each frame.

        Args:
            size: Side of the crop in pixels.
        """
        middle = (size - 1) / 2
        found = []
        for shift, zoom, turn in zip(self.shift, self.zoom, np.deg2rad(self.turn), strict=True):
            rotation = zoom * np.array(
                [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
            )
            center = np.full(2, middle)
            found.append(np.column_stack([rotation, center + size * shift - rotation @ center]))
        return found


def draw_camera(
    rng: np.random.Generator, frames: int, fps: float, shake: float, zoom: float, turn: float
) -> CameraMotion:
    """Draw a path; the middle frame is the still crop but for the shake.

    Args:
        rng: Random generator of the pair.
        frames: Number of frames.
        fps: Frames per second.
        shake: Standard deviation of the shift, as a share of the crop's side.
        zoom: Most change of the magnification within a second.
        turn: Most rotation within a second, in degrees.
    """
    seconds = (np.arange(frames) - (frames - 1) / 2) / fps
    rates, phases, weights = rng.random((3, 2, _WAVES))
    low, high = np.log(_HERTZ)
    hertz = np.exp(low + (high - low) * rates)
    strength = (0.5 + weights) / hertz  # slow waves are wide
    strength *= shake * np.sqrt(2) / np.linalg.norm(strength, axis=1, keepdims=True)
    angles = 2 * np.pi * (hertz[..., None] * seconds + phases[..., None])
    shift = (strength[..., None] * np.sin(angles)).sum(axis=1).T
    grow, rotate = 2 * rng.random(2) - 1
    return CameraMotion(shift, np.exp(np.log1p(zoom) * grow * seconds), turn * rotate * seconds)
