"""Comparing the clips of a shard with its rows, its tables of frames, and each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np

from datagen.core.arrays import Image, Mask
from datagen.core.media import VIDEO_TYPES, suffix_of
from datagen.errors import ImageError, ReleaseError
from datagen.release.clips import each_frame, each_mask, frames_in, is_clip, pngs_of
from datagen.release.folder import Folder
from datagen.release.frames import read_frames
from datagen.release.json_columns import json_object, operations_of
from datagen.release.manifest import ManifestFile
from datagen.release.rows import is_absent

__all__ = ["CLIP_SHARED", "ClipPairCheck", "broken_frames", "clip_problem", "places_of"]

CLIP_SHARED = ("frames", "fps_num", "fps_den", "stride", "start_frame", "start_pts", "motion")
"""Columns that the clips of a pair have in common."""

Row = Mapping[Any, Any]


def places_of(
    row: Row, role: str, data: bytes, offset: int
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the members of a tar that a row's image, clip or mask is made of, and their places.

    Args:
        row: The row.
        role: ``real``, ``control``, ``fake`` or ``mask``.
        data: The bytes that the row refers to.
        offset: Where they begin in the tar.
    """
    pair_id, media_type = row["pair_id"], str(row["media_type"])
    if not is_clip(row):
        suffix = "png" if role == "mask" else suffix_of(media_type)
        yield f"{pair_id}.{role}.{suffix}", (offset, len(data))
    elif media_type in VIDEO_TYPES:
        suffix = "mkv" if role == "mask" else suffix_of(media_type)
        yield f"{pair_id}.{role}.{suffix}", (offset, len(data))
    else:
        try:
            pngs = list(pngs_of(data))
        except ImageError:
            pngs = []  # said with the clip
        for number, png in enumerate(pngs):
            place = offset + png.offset, len(png.data)
            yield f"{pair_id}.{role}.{number:06d}.png", place


def clip_problem(data: bytes, row: Row, what: str) -> str:
    """Return what is wrong with an encoded clip, or an empty text; no frame is decoded."""
    try:
        count = frames_in(data, row, what)
    except ImageError as error:
        return f"the {what} is {error}"
    if count != int(row["frames"]):
        return f"the {what} has {count} frames, the row says {int(row['frames'])}"
    return ""


def broken_frames(folder: Folder, file: ManifestFile, rows: Sequence[Row]) -> Iterator[str]:
    """Yield what is wrong with the table of frames of a shard; nothing for images.

    Args:
        folder: The release.
        file: The shard.
        rows: The rows of its manifest.
    """
    clips = {str(row["sample_id"]): row for row in rows if is_clip(row)}
    if not clips:
        return
    try:
        table = read_frames(folder, file)
    except ReleaseError as error:
        yield str(error)
        return
    found: dict[str, list[int]] = {sample: [] for sample in clips}
    manipulated: dict[str, list[bool]] = {sample: [] for sample in clips}
    columns = (table.column(name).to_pylist() for name in ("sample_id", "frame", "manipulated"))
    for sample, frame, changed in zip(*columns, strict=True):
        if sample not in found:
            yield f"{file.frames}: {sample}: is not in the manifest"
            return
        found[sample].append(frame)
        manipulated[sample].append(changed)
    for sample, row in clips.items():
        if found[sample] != list(range(int(row["frames"]))):
            yield (
                f"{file.frames}: {sample}: has {len(found[sample])} frames in order, expected "
                + (f"0 to {int(row['frames']) - 1}")
            )
        elif manipulated[sample] != _in_segments(row):
            yield f"{file.frames}: {sample}: 'manipulated' differs from the row's segments"


def _in_segments(row: Row) -> list[bool]:
    inside = np.zeros(int(row["frames"]), np.bool_)
    for start, end in row["segments"]:
        inside[int(start) : int(end)] = True
    return list(map(bool, inside))


class ClipPairCheck:
    """The clips of a pair.

    Args:
        rows: Its rows by kind.
        clips: Its encoded clips by kind.
        mask: Its encoded masks.

    Attributes:
        compared: 1 if fake and real were compared outside the mask, otherwise 0.
    """

    def __init__(self, rows: Mapping[str, Row], clips: Mapping[str, bytes], mask: bytes) -> None:
        self._rows = rows
        self._clips = clips
        self._mask = mask
        self.compared = 0

    def problems(self, whole: bool, pixels: bool) -> Iterator[str]:
        """Yield what is wrong.

        Args:
            whole: Decode every frame.
            pixels: Compare fake and real outside the mask, where the clips are lossless.
        """
        fake = self._rows["fake"]
        sample = fake["sample_id"]
        if not self._mask:
            return  # a fake without a mask: said before
        if problem := clip_problem(self._mask, fake, "mask"):
            yield f"{sample}: {problem}"
            return
        if not whole:
            return
        compared = pixels and _is_lossless(fake) and _undegraded(fake)
        try:
            empty, differs = self._decoded(compared)
        except ReleaseError as error:
            yield str(error)
            return
        self.compared = int(compared)
        if empty:
            yield f"{sample}: the mask is empty in every frame"
        if differs is not None:
            yield f"{sample}: frame {differs} differs from its real outside the mask"

    def _decoded(self, compared: bool) -> tuple[bool, int | None]:
        """Decode all frames, of which a few are held at once.

        Returns:
            Whether the mask is empty, and the first frame that differs outside it.

        Raises:
            ReleaseError: A clip or the mask cannot be read.
        """
        kinds = ["real", "fake", *(kind for kind in self._rows if kind not in ("real", "fake"))]
        clips = [each_frame(self._clips[kind], self._rows[kind]) for kind in kinds]
        empty, differs = True, None
        masks = each_mask(self._mask, self._rows["fake"])
        for number, (mask, real, fake, *_) in enumerate(zip_longest(masks, *clips)):
            empty = empty and not (mask is not None and mask.any())
            if compared and differs is None and _outside(real, fake, mask):
                differs = number
        return empty, differs


def _outside(real: Image | None, fake: Image | None, mask: Mask | None) -> bool:
    if real is None or fake is None or mask is None or real.shape != fake.shape:
        return False  # said with the rows
    return bool(np.any((real != fake).any(axis=2)[mask == 0]))


def _is_lossless(row: Row) -> bool:
    try:
        return json_object(row, "encoder").get("codec") in ("ffv1", "png")
    except ReleaseError:
        return False  # said with the row


def _undegraded(row: Row) -> bool:
    if is_absent(row["degradation_params"]):
        return True
    try:
        return not any(operation.get("changed") for operation in operations_of(row))
    except ReleaseError:
        return False
