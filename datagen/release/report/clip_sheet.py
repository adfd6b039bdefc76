"""What a report shows of a pair of clips: players where a browser has them, and strips."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from datagen.core.html import data_url
from datagen.core.images import encode_png
from datagen.errors import ReleaseError
from datagen.release.clips import Clip, Masks
from datagen.release.json_columns import json_object
from datagen.release.strips import difference_of, frames_shown, sheet

if TYPE_CHECKING:
    from datagen.release.reader import Release

__all__ = ["clip_views"]

_PLAYED = "video/mp4"
_STRIP, _SIDE = 8, 116
_MAX_BYTES = 512 << 20  # of a decoded clip: five of this size are held at once
_SLOWEST, _FASTEST = Fraction(1, 10), Fraction(1000)  # frames per second
_RED = np.array([255, 0, 0], np.float32)


@dataclass(frozen=True, slots=True)
class _Views:
    """A pair on the page.

    Attributes:
        players: Name and URL of each video; none where browsers do not play the release's codec.
        strip: URL of the strips.
        names: What each row of the strips shows.
        frames: Numbers of the frames in the strips.
    """

    players: list[tuple[str, str]]
    strip: str
    names: list[str]
    frames: list[int]

    @property
    def size(self) -> int:
        """Bytes on the page, about."""
        return len(self.strip) + sum(len(url) for _, url in self.players)


def clip_views(release: Release, rows: Mapping[str, Mapping[str, Any]], gain: int) -> _Views:
    """Return the players and strips of a pair.

    Args:
        release: The release.
        rows: Manifest rows by kind: real and fake, of one size, and perhaps control.
        gain: How much stronger differences are shown.

    Raises:
        ReleaseError: A clip cannot be read.
    """
    for row in rows.values():
        _check_size(row)
    clips = {kind: release.clip(row) for kind, row in rows.items()}
    real, fake, masks = clips["real"], clips["fake"], release.masks(rows["fake"])
    control = {"control": clips["control"]} if "control" in clips else {}
    difference = difference_of(real, fake, gain)
    shown = {
        "real": real,
        **control,
        "fake": fake,
        "mask": masks,
        f"difference x {gain}": difference,
    }
    frames = frames_shown(len(fake), _STRIP)
    return _Views(
        _players(
            release, rows, {"mask on fake": _over(fake, masks), f"difference x {gain}": difference}
        ),
        data_url(encode_png(sheet(list(shown.values()), frames, _SIDE))),
        list(shown),
        frames,
    )


def _check_size(row: Mapping[str, Any]) -> None:
    frames, width, height = (int(row[name]) for name in ("frames", "width", "height"))
    size = frames * width * height * 3
    if size > _MAX_BYTES:
        raise ReleaseError(
            f"{row['sample_id']}: {frames} frames of {width}x{height} pixels need {size >> 20:,} "
            f"MiB, at most {_MAX_BYTES >> 20:,} MiB of a clip are shown. Show other pairs "
            "with --pairs or --method",
            row=str(row["sample_id"]),
        )


def _players(
    release: Release, rows: Mapping[str, Mapping[str, Any]], made: Mapping[str, Clip]
) -> list[tuple[str, str]]:
    """Return the clips of a pair as they are in the release, and two made from them."""
    fake = rows["fake"]
    codec = json_object(fake, "encoder").get("codec")
    if codec != "h264" or any(row["media_type"] != _PLAYED for row in rows.values()):
        return []
    kinds = [kind for kind in ("real", "control", "fake") if kind in rows]
    found = [(kind, data_url(release.bytes_of(rows[kind]), _PLAYED)) for kind in kinds]
    fps = _playable(Fraction(int(fake["fps_num"]), int(fake["fps_den"])))
    return found + [(name, data_url(_encoded(clip, fps), _PLAYED)) for name, clip in made.items()]


def _playable(fps: Fraction) -> Fraction:
    """Return a rate that encoders know; a row may state any."""
    return min(max(fps, _SLOWEST), _FASTEST).limit_denominator(1001)


def _over(fake: Clip, masks: Masks) -> Clip:
    """Return a fake that is the redder the more of a pixel was replaced."""
    found = np.empty_like(fake)
    for frame, (image, mask) in enumerate(zip(fake, masks, strict=True)):
        weight = mask[..., None].astype(np.float32) / np.float32(510)
        found[frame] = np.rint(image * (1 - weight) + _RED * weight)
    return found


def _encoded(clip: Clip, fps: Fraction) -> bytes:
    from datagen.video.encode import ClipEncoding, encode_clip

    height, width = clip.shape[1:3]
    even = np.pad(clip, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), "edge")
    encoding = ClipEncoding("mp4", "h264", crf=20, gop=min(len(clip), 600), preset="veryfast")
    return encode_clip(list(even), fps, encoding)
