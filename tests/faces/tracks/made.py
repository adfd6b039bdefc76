"""Tracks for tests."""

from __future__ import annotations

import numpy as np

from datagen.core.rng import rng
from datagen.faces.tracks.track import Track

__all__ = ["made_track"]


def made_track(count: int, first: int = 0, mesh: bool = True) -> Track:
    """Return a track of random geometry."""
    draw = rng("track", count, first)
    points = draw.normal(200, 40, (count, 68, 2)).astype(np.float32)
    return Track(
        first_frame=first,
        pts=np.arange(first, first + count, dtype=np.int64) * 512,
        boxes=np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1),
        landmarks=points,
        raw=points + np.float32(0.5),
        mesh=draw.normal(200, 40, (count, 478, 3)).astype(np.float32) if mesh else None,
        pose=draw.normal(0, 10, (count, 3)).astype(np.float32),
        other_faces=np.arange(count, dtype=np.int32) % 2,
    )
