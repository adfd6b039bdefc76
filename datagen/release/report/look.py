"""What some pairs of a release look like: brightness, sharpness, mean masks, small images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Image, Mask
from datagen.core.html import data_url
from datagen.core.images import encode_jpeg, encode_png
from datagen.release.clips import clip_of, is_clip, masks_of
from datagen.release.pairs import ReleasedPair
from datagen.release.report.figures import KINDS, Values

__all__ = ["SHEET_ROWS", "Look", "MethodSheet", "look_at", "luma_figures"]

SHEET_ROWS = ("real", "fake", "mask")
"""What the rows of a method's sheet show."""

_SIDE, _MASK_SIDE, _COLUMNS = 120, 160, 8
_QUALITY = 88


@dataclass(frozen=True, slots=True)
class MethodSheet:
    """Some pairs of a method, and the mean of their masks.

    Attributes:
        url: URL of the pairs, one per column.
        columns: Number of the columns.
        mean_mask: URL of the mean mask, its highest level white.
        peak: Highest level of the mean mask in percent.
        masks: Number of masks in the mean.
    """

    url: str
    columns: int
    mean_mask: str
    peak: float
    masks: int


@dataclass(slots=True)
class _Method:
    total: NDArray[np.float64] = field(
        default_factory=lambda: np.zeros((_MASK_SIDE, _MASK_SIDE), np.float64)
    )
    masks: int = 0
    columns: list[Image] = field(default_factory=list)

    def add(self, real: Image, fake: Image, mask: Mask) -> None:
        self.total += cv2.resize(mask, (_MASK_SIDE, _MASK_SIDE), interpolation=cv2.INTER_AREA)
        self.masks += 1
        if len(self.columns) < _COLUMNS:
            rows = (real, fake, np.dstack([mask] * 3))
            self.columns.append(np.concatenate([_square(row) for row in rows], axis=0))

    def sheet(self) -> MethodSheet:
        mean = self.total / self.masks
        peak = float(mean.max())
        shown = np.asarray(np.rint(mean * (255 / max(peak, 1e-9))), np.uint8)
        image = np.concatenate(self.columns, axis=1)
        return MethodSheet(
            data_url(encode_jpeg(image, _QUALITY), "image/jpeg"),
            len(self.columns),
            data_url(encode_png(shown)),
            100 * peak / 255,
            self.masks,
        )


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen.

    Attributes:
        pairs: Number of pairs that were looked at.
        brightness: Mean luma of each image by kind, in 8-bit intensity levels.
        sharpness: Standard deviation of the Laplacian of the luma by kind.
        sheets: The sheets by method.
    """

    pairs: int
    brightness: Values
    sharpness: Values
    sheets: dict[str, MethodSheet]


def look_at(pairs: Iterable[ReleasedPair]) -> Look:
    """Look at some pairs, one after the other; of a clip at its middle frame.

    Args:
        pairs: The pairs.

    Raises:
        ReleaseError: An image cannot be read.
    """
    seen: dict[str, dict[str, list[float]]] = {
        name: {kind: [] for kind in KINDS} for name in ("brightness", "sharpness")
    }
    methods: dict[str, _Method] = {}
    count = 0
    for pair in pairs:
        count += 1
        images = {kind: _image(pair, kind) for kind in KINDS if kind in pair.rows}
        for kind, image in images.items():
            brightness, sharpness = luma_figures(image)
            seen["brightness"][kind].append(brightness)
            seen["sharpness"][kind].append(sharpness)
        own = methods.setdefault(pair.method, _Method())
        own.add(images["real"], images["fake"], _mask(pair))
    arrays = {
        name: {kind: np.array(values, np.float64) for kind, values in by_kind.items()}
        for name, by_kind in seen.items()
    }
    sheets = {name: methods[name].sheet() for name in sorted(methods)}
    return Look(count, arrays["brightness"], arrays["sharpness"], sheets)


def luma_figures(image: Image) -> tuple[float, float]:
    """Return the mean of the luma and the standard deviation of its Laplacian."""
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return float(luma.mean()), float(cv2.Laplacian(luma, cv2.CV_32F).std())


def _image(pair: ReleasedPair, kind: str) -> Image:
    row = pair.rows[kind]
    if is_clip(row):
        clip = clip_of(pair.release.bytes_of(row), row, _middle(row))
        return np.asarray(clip[0], np.uint8)
    return pair.release.image(row)


def _mask(pair: ReleasedPair) -> Mask:
    row = pair.row
    if is_clip(row):
        masks = masks_of(pair.release.mask_bytes(row), row, _middle(row))
        return np.asarray(masks[0], np.uint8)
    return pair.release.mask(row)


def _middle(row: Any) -> range:
    middle = int(row["frames"]) // 2
    return range(middle, middle + 1)


def _square(image: Image) -> Image:
    """Return a small image in the middle of a black square."""
    height, width = image.shape[:2]
    scale = _SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    x, y = (_SIDE - size[0]) // 2, (_SIDE - size[1]) // 2
    found = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    found[y : y + size[1], x : x + size[0]] = small
    return found
