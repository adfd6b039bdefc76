"""Which frames of a donor's video go with the frames of a target's clip."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from datagen.faces.tracks.track import Track
from datagen.planning.donors import looks

__all__ = ["MAX_WINDOW", "donor_window", "in_order", "nearest_expression"]

MAX_WINDOW = 512
"""The most frames of a donor's track among which the likest are searched for."""

# In the units of ``looks``: a jump costs as much as an expression that differs by this.
_JUMP = 0.4
_FAR = 12  # frames: a larger jump costs no more
_HOLD = 0.2  # the same frame again


def donor_window(
    rng: np.random.Generator,
    length: int,
    frames: int,
    stride: int,
    rule: Literal["in_order", "nearest_expression"],
) -> tuple[int, int]:
    """Draw the part of a donor's track that a clip uses.

    Args:
        rng: Random generator of the pair.
        length: Number of frames of the track.
        frames: Number of frames of the clip.
        stride: Step between the frames of the clip.
        rule: See ``DonorRule.frames``.

    Returns:
        First frame and number of frames.
    """
    span = (frames - 1) * stride + 1
    count = min(length, span if rule == "in_order" else MAX_WINDOW)
    return int(rng.integers(length - count + 1)), count


def in_order(length: int, frames: int, stride: int) -> NDArray[np.int64]:
    """Return the positions of a donor's frames, one after another; there and back if too few.

    Args:
        length: Number of frames of the donor's window.
        frames: Number of frames of the clip.
        stride: Step between the frames of the clip.
    """
    steps = np.arange(frames, dtype=np.int64) * stride
    if length == 1:
        return np.zeros(frames, np.int64)
    around = steps % (2 * (length - 1))
    return np.minimum(around, 2 * (length - 1) - around)


def nearest_expression(target: Track, donor: Track) -> NDArray[np.int64]:
    """Return the donor's frames that are most like the target's, with few jumps.

    Pose, and how far mouth and eyes are open, are compared; the best path is found by dynamic
    programming (Viterbi, IEEE Trans. Inf. Theory 1967).

    Args:
        target: The frames of the target's clip.
        donor: The donor's window.

    Returns:
        One position in the window per frame of the clip.
    """
    wanted = looks(target.landmarks, target.pose[:, :2])
    there = looks(donor.landmarks, donor.pose[:, :2])
    # Rounded, so that the last bit does not decide.
    away = np.linalg.norm(wanted[:, None] - there[None], axis=2).round(4).astype(np.float64)
    ahead = np.arange(len(donor))[None] - np.arange(len(donor))[:, None] - target.stride
    jumps = _JUMP * np.minimum(np.abs(ahead), _FAR) / _FAR + _HOLD * (ahead == -target.stride)
    jumps = jumps.round(4)
    cost, came = away[0], []
    for row in away[1:]:
        total = cost[:, None] + jumps
        best = total.argmin(axis=0)
        came.append(best)
        cost = total[best, np.arange(len(best))] + row
    path = [int(cost.argmin())]
    for best in reversed(came):
        path.append(int(best[path[-1]]))
    return np.array(path[::-1], np.int64)
