"""How a face moves in a track, in a few numbers by which a donor's motion is chosen."""

from __future__ import annotations

import numpy as np

from datagen.faces.landmarks import mouth_opening
from datagen.faces.tracks.track import Track

__all__ = ["SUMMARY", "summary"]

SUMMARY = ("mouth", "eyes", "yaw", "pitch")
"""What is summarized: how far mouth and eyes are open, as shares of their widths, and degrees."""

_LIDS = ((37, 41), (38, 40), (43, 47), (44, 46))
_CORNERS = ((36, 39), (42, 45))


def summary(track: Track) -> list[float]:
    """Return mean and spread of each of ``SUMMARY`` over a track: eight numbers.

    NaN stands for a pose that is not known.
    """
    points = track.landmarks.astype(np.float64)
    mouth = np.array([mouth_opening(one) for one in track.landmarks])
    gap, width = (
        np.mean([np.linalg.norm(points[:, a] - points[:, b], axis=1) for a, b in pairs], axis=0)
        for pairs in (_LIDS, _CORNERS)
    )
    eyes = gap / np.maximum(width, 1e-6)
    values = (mouth, eyes, track.pose[:, 0], track.pose[:, 1])
    found = [f(np.asarray(value, np.float64)) for value in values for f in (np.mean, np.std)]
    return [round(float(number), 4) for number in found]
