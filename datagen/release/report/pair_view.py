"""What a report shows of a pair of images: layers, facts, and smaller copies where space is short.

URLs hold the released bytes where they fit.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from PIL import Image as Pillow

from datagen.core.arrays import Image, Mask
from datagen.core.html import data_url
from datagen.core.images import encode_jpeg
from datagen.core.text import counted
from datagen.errors import ReleaseError
from datagen.release.clips import is_clip
from datagen.release.identity_schema import IDENTITY_NAMES
from datagen.release.json_columns import json_object, operations_of
from datagen.release.pairs import ReleasedPair
from datagen.release.rows import is_absent

__all__ = ["GAIN", "ImageView", "check_sizes", "facts_of", "image_view", "points_of"]

GAIN = 4
"""Differences are a few 8-bit intensity levels: shown this many times as strong."""

_SIDES = (512, 384, 256, 192, 128)
_QUALITY = 88
_MASK_COLOR = (255, 96, 0)
_SHOWN = ("image_id", "donor_image_id", "split", "item", "attempt", "change", "mask_area")
_MOTIONS = {
    "video": "of a video",
    "rendered": "rendered",
    "camera": "a virtual camera over a photograph",
}
_DEGRADATION = ("degradation", "severity", "change_released", "psnr")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class ImageView:
    """A pair of images on the page.

    Attributes:
        real, fake, mask, difference: URLs; the mask is a color that is the more opaque the more of
            a pixel was replaced.
        control: URL, or ``None``.
        real_points, fake_points: Landmarks as the data of an SVG path; empty where unknown.
        box: The SVG ``viewBox`` in which the landmarks lie.
        side: Longer side of the smaller copies; ``None`` where the released bytes are shown.
    """

    real: str
    fake: str
    mask: str
    difference: str
    control: str | None
    real_points: str
    fake_points: str
    box: str
    side: int | None

    @property
    def size(self) -> int:
        """Bytes on the page, about."""
        urls = (self.real, self.fake, self.mask, self.difference, self.control or "")
        return sum(map(len, urls)) + len(self.real_points) + len(self.fake_points)


def image_view(pair: ReleasedPair, budget: int) -> ImageView:
    """Return what is shown of a pair.

    Args:
        pair: The pair, whose images have one size.
        budget: Most bytes on the page; smaller copies are shown of what would need more.

    Raises:
        ReleaseError: An image cannot be read, or the fake has another size than the real.
    """
    check_sizes(pair)
    release, fake = pair.release, pair.row
    kinds = [kind for kind in ("real", "fake", "control") if kind in pair.rows]
    arrays = {kind: release.image(pair.rows[kind]) for kind in kinds}
    arrays["difference"] = _difference(arrays["real"], arrays["fake"])
    mask = release.mask(fake)
    urls = {
        kind: data_url(release.bytes_of(pair.rows[kind]), pair.rows[kind]["media_type"])
        for kind in kinds
    }
    urls["difference"] = _jpeg(arrays["difference"])
    urls["mask"] = _overlay(mask)
    side = None
    for smaller in (one for one in _SIDES if one < max(mask.shape)):
        if sum(map(len, urls.values())) <= budget:
            break
        side = smaller
        urls = {kind: _jpeg(_smaller(array, side)) for kind, array in arrays.items()}
        urls["mask"] = _overlay(_smaller(mask, side))
    return ImageView(
        real=urls["real"],
        fake=urls["fake"],
        mask=urls["mask"],
        difference=urls["difference"],
        control=urls.get("control"),
        real_points=points_of(pair.rows["real"]),
        fake_points=points_of(fake),
        box=f"-0.5 -0.5 {int(fake['width'])} {int(fake['height'])}",
        side=side,
    )


def check_sizes(pair: ReleasedPair) -> None:
    """Check that the images or clips of a pair can be laid over each other.

    Raises:
        ReleaseError: They cannot.
    """
    fake = pair.row
    names = ("frames", "width", "height") if is_clip(fake) else ("width", "height")
    for kind, row in pair.rows.items():
        if any(row.get(name) != fake[name] for name in names):
            what = "other frames than its fake" if is_clip(fake) else "another size than its fake"
            raise ReleaseError(
                f"{pair.release.folder}: the {kind} of pair {pair.pair_id} has {what}: 'datagen "
                "verify' lists what is wrong with the release",
                path=pair.release.folder.address,
                row=pair.pair_id,
            )


def points_of(row: Mapping[str, Any]) -> str:
    """Return the landmarks of a row as the data of an SVG path: a dot each."""
    known = row.get("landmarks")
    if is_absent(known):
        return ""
    points = np.asarray(known, np.float64).reshape(-1, 2)
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)


def facts_of(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return names and texts of what is known of a fake.

    Raises:
        ReleaseError: A JSON column cannot be read.
    """
    return [(name, text) for name, text in _facts(row) if text]


def _facts(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "pair", str(row["pair_id"])
    yield "method", f"{row['method']} ({row['family']})"
    identity = IDENTITY_NAMES if IDENTITY_NAMES[0] in row else ()
    for name in (*_SHOWN, *identity):
        yield name, _text(row[name])
    if is_clip(row):
        yield from _facts_of_clip(row)
    if _text(row["degradation"]):
        for name in _DEGRADATION:
            yield name, _text(row[name])
        yield "operations", _operations(row)
    yield "encoder", _pairs(json_object(row, "encoder"))
    yield "params", _pairs(json_object(row, "method_params"))


def _facts_of_clip(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    frames, stride = int(row["frames"]), int(row["stride"])
    fps = Fraction(int(row["fps_num"]), int(row["fps_den"]))
    yield "length", f"{counted(frames, 'frame')}, {float(frames / fps):.3g} s"
    yield "frames per second", f"{float(fps):.5g}"
    step = "" if stride == 1 else f", one frame in {stride}"
    yield "begins", f"at frame {row['start_frame']} of the source{step}"
    yield "track", _text(row["track_id"])
    yield "motion", _MOTIONS.get(str(row["motion"]), _text(row["motion"]))


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {_shortened(value)}" for key, value in values.items())


def _operations(row: Mapping[str, Any]) -> str:
    return "; ".join(f"{one['use']} ({_pairs(one['params'])})" for one in operations_of(row))


def _shortened(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    shown = value if isinstance(value, str) else json.dumps(value)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 3] + "..."


def _difference(real: Image, fake: Image) -> Image:
    apart = cv2.absdiff(real, fake).astype(np.uint16) * GAIN
    return np.minimum(apart, 255).astype(np.uint8)


def _smaller(array: Any, side: int) -> Any:
    height, width = array.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return cv2.resize(array, size, interpolation=cv2.INTER_AREA)


def _jpeg(image: Image) -> str:
    return data_url(encode_jpeg(image, _QUALITY, "4:4:4"), "image/jpeg")


def _overlay(mask: Mask) -> str:
    """Return a mask as a color with the mask as its opacity: a PNG as small as a gray one."""
    height, width = mask.shape
    image = Pillow.frombytes("P", (width, height), mask.tobytes())
    image.putpalette(list(_MASK_COLOR) * 256)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", transparency=bytes(range(256)))
    return data_url(buffer.getvalue())
