"""The manifest rows of a clip pair, and the rows of its frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from datagen.faces.crop import face_box
from datagen.generation.clips.pair import ClipPair
from datagen.generation.manifest_rows import PairRecord, known_angle, pair_rows
from datagen.release import StoredFile

__all__ = ["clip_rows", "frame_rows"]


def clip_rows(
    record: PairRecord, pair: ClipPair, mask: StoredFile, clips: Mapping[str, StoredFile]
) -> list[dict[str, Any]]:
    """Return the manifest rows of a clip pair, one per clip.

    Args:
        record: The facts of its middle frame.
        pair: The clip pair as it is released.
        mask: The encoded masks.
        clips: The encoded clips by kind.
    """
    rows = pair_rows(record, mask, clips)
    clock, crops = pair.clock, pair.crops
    shared = {
        "frames": len(pair),
        "fps_num": clock.fps.numerator,
        "fps_den": clock.fps.denominator,
        "stride": clock.stride,
        "start_frame": int(crops.frames[0]),
        "start_pts": int(crops.pts[0]),
        "track_id": pair.target.face_id,
        "motion": clock.motion,
    }
    for row in rows:
        row |= shared
        row["segments"] = [[0, len(pair)]] if row["kind"] == "fake" else []
        if row["kind"] == "fake":
            row["mask_area"] = round(float(np.mean([mask.mean() for mask in pair.masks])) / 255, 5)
            row["mask_peak"] = max(int(mask.max()) for mask in pair.masks)
    return rows


def frame_rows(pair: ClipPair) -> Iterator[dict[str, Any]]:
    """Yield the rows of the frames of a clip pair, by clip and frame."""
    for kind, points in pair.landmarks.items():
        fake = kind == "fake"
        for frame, landmarks in enumerate(points):
            crop = pair.crops.crops[frame]
            turned = replace(crop, roll=crop.roll + pair.rotation)
            known = landmarks is not None
            row = {
                "sample_id": f"{pair.item.pair_id}-{kind}",
                "frame": frame,
                "source_frame": int(pair.crops.frames[frame]),
                "pts": int(pair.crops.pts[frame]),
                "box": face_box(landmarks).tolist() if landmarks is not None else None,
                "landmarks": landmarks.ravel().tolist() if landmarks is not None else None,
                **{
                    name: known_angle(getattr(turned, name)) if known else None
                    for name in ("yaw", "pitch", "roll")
                },
                "mask_area": None,
                "change": None,
                "manipulated": fake,
                "donor_frame": None,
            }
            if fake:
                row["mask_area"] = round(float(pair.masks[frame].mean()) / 255, 5)
                row["change"] = round(pair.changes[frame], 3)
                if pair.donor_frames[frame] >= 0:
                    row["donor_frame"] = int(pair.donor_frames[frame])
            yield row
