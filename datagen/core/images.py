"""From the bytes of an image file to an upright RGB image, or a clear refusal."""

from __future__ import annotations

import io
import warnings

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps, UnidentifiedImageError

from datagen.core.arrays import Image
from datagen.errors import ImageError

__all__ = ["average_down", "decode", "probe"]

_GOOD_MODES = ("RGB", "L")
_MAX_PIXELS = 200_000_000
_ORIENTATION = 0x0112  # EXIF
_FLAGS = {
    1: cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def probe(data: bytes) -> Image:
    """Decode strictly, for the index: what passes here, ``decode`` may read fast later.

    EXIF orientation is applied; gray images become RGB.

    Raises:
        ImageError: Truncated, not an image, animated, with alpha or a palette, CMYK, of more
            than 8 bits, or larger than 200 megapixels; the message says which.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # oddities of metadata; pixels are checked below
            picture = Pillow.open(io.BytesIO(data))
            _refuse_odd(picture)
            picture.load()
            upright = ImageOps.exif_transpose(picture)
    except UnidentifiedImageError:
        raise ImageError("not an image that can be read (damaged, or another format)") from None
    except Pillow.DecompressionBombError as error:
        raise ImageError(f"too large: {error}") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(f"damaged: {error}") from None
    return np.ascontiguousarray(np.asarray(upright.convert("RGB")))


def _refuse_odd(picture: Pillow.Image) -> None:
    if picture.width * picture.height > _MAX_PIXELS:
        raise ImageError(f"too large: {picture.width}x{picture.height} pixels")
    if getattr(picture, "n_frames", 1) > 1 and picture.format != "MPO":
        raise ImageError("animated or of several pages: want one still image")
    if picture.mode == "CMYK":
        raise ImageError("CMYK: convert it to RGB (sRGB) first")
    tiles = getattr(picture, "tile", [])  # how the file stores its pixels, e.g. "RGB;16B"
    deep = any(";16" in str(tile.args) for tile in tiles)
    if deep or picture.mode.startswith(("I", "F")):
        raise ImageError(f"more than 8 bits a channel ({picture.mode}): convert it to 8 bits")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        raise ImageError("has an alpha channel: flatten it first")
    if picture.mode not in _GOOD_MODES:
        raise ImageError(f"color mode {picture.mode}: convert it to RGB first")


def decode(data: bytes, shrink: int = 1) -> Image:
    """Decode an image that ``probe`` has passed.

    Args:
        data: The file's bytes, known by digest to be those that were probed.
        shrink: 1, 2, 4 or 8: a JPEG is decoded at that fraction of its size, which the inverse
            DCT gives for less than full price; other formats are averaged down.

    Returns:
        The upright image of ``ceil(side / shrink)`` pixels a side.

    Raises:
        ImageError: OpenCV cannot read what Pillow could.
    """
    jpeg = data[:2] == b"\xff\xd8"
    image = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS[shrink if jpeg else 1])
    if image is None:
        raise ImageError("OpenCV cannot decode this image")
    if shrink == 1:
        return np.asarray(image, np.uint8)
    if not jpeg:
        return average_down(np.asarray(image, np.uint8), shrink)
    if _begins_cut_short(data, shrink):
        return average_down(decode(data), shrink)
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _begins_cut_short(data: bytes, shrink: int) -> bool:
    """Say whether turning a JPEG upright may bring its cut-off last blocks to the front.

    All pixels of the small image would then lie up to ``shrink - 1`` source pixels off.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = Pillow.open(io.BytesIO(data))
        turned = header.getexif().get(_ORIENTATION, 1) != 1
    return turned and any(side % shrink for side in header.size)


def average_down(image: Image, shrink: int) -> Image:
    """Return an image of ``ceil(side / shrink)`` pixels a side, each the mean of its block."""
    height, width = (-(-side // shrink) for side in image.shape[:2])
    below, right = height * shrink - image.shape[0], width * shrink - image.shape[1]
    padded = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(padded, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
