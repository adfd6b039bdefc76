"""JPEG compression, once or several times, with quantization tables of several programs."""

from __future__ import annotations

from typing import Literal, TypeAlias

import cv2
import numpy as np
from pydantic import model_validator

from datagen.core.arrays import Image
from datagen.core.fields import IntRange
from datagen.core.images import SUBSAMPLING, decode, encode_jpeg, encode_with_pillow
from datagen.core.schema import Frozen
from datagen.core.versions import opencv_name, pillow_name
from datagen.degradations.base import Degradation, Shape
from datagen.degradations.ops.draws import check_ranges, pick, whole
from datagen.degradations.ops.jpeg_tables import OWN_TABLES, scaled

__all__ = ["Jpeg", "JpegOptions", "JpegParams", "JpegPass"]

Subsampling: TypeAlias = Literal["4:2:0", "4:2:2", "4:4:4"]

_MAX = 3


class JpegOptions(Frozen):
    """Options of ``jpeg``.

    Attributes:
        quality: Quality of each pass on the scale of the Independent JPEG Group, 1 to 100.
        subsampling: Chroma subsampling modes to draw from.
        tables: Quantization tables to draw from: ``standard`` for those of Annex K of ITU-T T.81,
            ``own`` for those of other encoders, scaled to the quality in the same way.
        passes: Number of compressions in a row, 1 to 3, each with its own values.
        shift: Offset of the 8x8 block grid to the left of and above the image, 0 to 7 pixels each:
            the grid of a crop from a larger image may start anywhere.
    """

    quality: IntRange = (30, 95)
    subsampling: tuple[Subsampling, ...] = ("4:2:0", "4:2:2", "4:4:4")
    tables: tuple[Literal["standard", "own"], ...] = ("standard", "own")
    passes: IntRange = (1, 2)
    shift: IntRange = (0, 7)

    @model_validator(mode="after")
    def _sane(self) -> JpegOptions:
        check_ranges(self, {"quality": (1, 100), "passes": (1, _MAX), "shift": (0, 7)})
        if not self.subsampling:
            raise ValueError(f"subsampling: must have at least one of {', '.join(SUBSAMPLING)}")
        if not self.tables:
            raise ValueError("tables: must have at least one of standard, own")
        return self


class JpegPass(Frozen):
    """One compression.

    Attributes:
        quality: Quality, 1 to 100.
        subsampling: Chroma subsampling mode.
        tables: ``standard``, or the name of the other quantization table.
        shift: Offset of the block grid to the left of and above the image, in pixels.
    """

    quality: int
    subsampling: Subsampling
    tables: Literal["standard", "flat", "robidoux", "klein", "peterson"]
    shift: tuple[int, int]


class JpegParams(Frozen):
    """What was drawn for one pair.

    Attributes:
        passes: The compressions, in order.
    """

    passes: tuple[JpegPass, ...]


class Jpeg(Degradation):
    """JPEG compression (ITU-T T.81): blocking, ringing and color bleeding.

    OpenCV encodes with the standard tables and Pillow with the others; both use libjpeg-turbo.
    """

    name = "jpeg"
    options = JpegOptions
    params = JpegParams
    levels = tuple(
        {"quality": quality, "subsampling": ["4:2:0"], "tables": ["standard"], "passes": 1}
        for quality in ([86, 92], [62, 68], [36, 42], [18, 22], [7, 9])
    )
    config: JpegOptions

    def sample(self, rng: np.random.Generator, shape: Shape) -> JpegParams:
        """Draw three compressions, of which the drawn number is used."""
        count = whole(rng.random(), self.config.passes)
        draws = rng.random((_MAX, 6))
        return JpegParams(passes=tuple(self._pass(row.tolist()) for row in draws[:count]))

    def _pass(self, draws: list[float]) -> JpegPass:
        config = self.config
        standard = pick(draws[2], config.tables) == "standard"
        return JpegPass(
            quality=whole(draws[0], config.quality),
            subsampling=pick(draws[1], config.subsampling),
            tables="standard" if standard else pick(draws[3], list(OWN_TABLES)),
            shift=(whole(draws[4], config.shift), whole(draws[5], config.shift)),
        )

    def apply(self, image: Image, params: JpegParams) -> Image:
        """Encode and decode; no pixel moves."""
        for one in params.passes:
            image = _through(image, one)
        return image

    def encoder(self, params: JpegParams) -> str:
        """Name the libraries that encoded; two if the passes have both sorts of tables."""
        names = [
            opencv_name("JPEG")
            if one.tables == "standard"
            else pillow_name("libjpeg_turbo", "libjpeg-turbo")
            for one in params.passes
        ]
        return " + ".join(dict.fromkeys(names))


def _through(image: Image, one: JpegPass) -> Image:
    x, y = one.shift
    if x or y:
        wide = cv2.copyMakeBorder(image, y, 0, x, 0, cv2.BORDER_REPLICATE)
        return np.ascontiguousarray(decode(_encoded(np.asarray(wide, np.uint8), one))[y:, x:])
    return decode(_encoded(image, one))


def _encoded(image: Image, one: JpegPass) -> bytes:
    if one.tables != "standard":
        table = scaled(OWN_TABLES[one.tables], one.quality)
        return encode_with_pillow(image, "JPEG", qtables=[table], subsampling=one.subsampling)
    return encode_jpeg(image, one.quality, one.subsampling)
