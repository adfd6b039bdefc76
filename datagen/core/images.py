"""The one place that decodes, encodes and compares images."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from datagen.core.arrays import Image, Mask
from datagen.core.image_headers import (
    MAX_PIXELS,
    Header,
    check_metadata,
    orientation_in,
    orientation_of,
    read_header,
)
from datagen.errors import ImageError

__all__ = [
    "MAX_PIXELS",
    "MAX_RELEASED_PIXELS",
    "SUBSAMPLING",
    "average_down",
    "decode",
    "encode_jpeg",
    "encode_png",
    "encode_webp",
    "encode_with_pillow",
    "is_gray",
    "probe",
    "psnr",
    "read_gray",
    "read_rgb",
    "size_of",
]

SUBSAMPLING = {
    "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "4:2:2": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}
"""Chroma subsamplings of JPEG by name, with OpenCV's number."""

MAX_RELEASED_PIXELS = 16_777_216
"""The largest image of a release that is read: a recipe's largest crop has a quarter of it."""

_MOVING = "animated or multi-page: expected one still image"
_GOOD_MODES = ("RGB", "L")
_TURNS = {
    2: Pillow.Transpose.FLIP_LEFT_RIGHT,
    3: Pillow.Transpose.ROTATE_180,
    4: Pillow.Transpose.FLIP_TOP_BOTTOM,
    5: Pillow.Transpose.TRANSPOSE,
    6: Pillow.Transpose.ROTATE_270,
    7: Pillow.Transpose.TRANSVERSE,
    8: Pillow.Transpose.ROTATE_90,
}
_FLIPS = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}  # after transposing from 5 on; see cv2.flip
_FLAGS = {
    1: cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
# Level 1 is three times as fast as the default and 5 % larger on photographs.
_PNG_LEVEL = 1
_AS_STORED = cv2.IMREAD_IGNORE_ORIENTATION
_LOSSLESS = 101  # OpenCV: a WebP quality above 100


def probe(data: bytes) -> Image:
    """Decode strictly, for the index: ``decode`` can read fast what passes here.

    EXIF orientation is applied; gray images become RGB. The file's first bytes decide what it
    is, whatever its name says, and nothing is unpacked before its size is known.

    Raises:
        ImageError: Not of a format that is read, truncated, animated, with alpha or a palette,
            CMYK, of more than 8 bits, or too large; the message says which.
    """
    header = read_header(data)
    check_metadata(data, header)
    return _strictly(data, header)


def _strictly(data: bytes, header: Header) -> Image:
    with _decoding(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about metadata; the pixels are checked below
        opened = _opened(data, header)
        _refuse_odd(opened)
        opened.load()
        exif = opened.info.get("exif", b"")  # of an AVIF, with what its boxes say
        orientation = (
            orientation_in(exif) if header.format == "AVIF" else _orientation(data, header)
        )
        turn = _TURNS.get(orientation)
        upright = opened if turn is None else opened.transpose(turn)
        rgb = upright if upright.mode == "RGB" else upright.convert("RGB")
        return np.ascontiguousarray(np.asarray(rgb))


def _opened(data: bytes, header: Header) -> Pillow.Image:
    """Open with the one plug-in that the header calls for: none of the others is asked."""
    if not header.still:
        raise ImageError(_MOVING)
    if header.format == "AVIF":
        from PIL import AvifImagePlugin  # imported here: new in Pillow 11.3

        AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # the only way to set it; a worker is one core
    opened = Pillow.open(io.BytesIO(data), formats=[header.format])
    if opened.width * opened.height > header.width * header.height:
        raise ImageError(
            f"damaged: {opened.width}x{opened.height} pixels, but its header has "
            f"{header.width}x{header.height}"
        )
    return opened


@contextmanager
def _decoding() -> Iterator[None]:
    """Turn whatever a decoder raises into an ``ImageError``: the one place that does.

    Raises:
        ImageError: With what the decoder says.
    """
    try:
        yield
    except ImageError:
        raise
    except UnidentifiedImageError:
        raise ImageError("damaged: its header cannot be read") from None
    except Pillow.DecompressionBombError as error:
        raise ImageError(f"too large: {error}") from None
    except MemoryError:
        raise ImageError("too large: there is not enough memory to unpack it") from None
    except Exception as error:  # noqa: BLE001  # on hostile bytes decoders raise anything
        words = (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
        raise ImageError(f"damaged: {words}") from None


def _refuse_odd(opened: Pillow.Image) -> None:
    if getattr(opened, "n_frames", 1) > 1 and opened.format != "MPO":
        raise ImageError(_MOVING)
    if opened.mode == "CMYK":
        raise ImageError("CMYK: convert it to RGB (sRGB) first")
    tiles = getattr(opened, "tile", [])  # how the file stores its pixels, e.g. "RGB;16B"
    deep = any(";16" in str(tile.args) for tile in tiles)
    if deep or opened.mode.startswith(("I", "F")):
        raise ImageError(f"more than 8 bits a channel ({opened.mode}): convert it to 8 bits")
    if opened.mode in ("RGBA", "LA", "PA") or "transparency" in opened.info:
        raise ImageError("has an alpha channel: flatten it first")
    if opened.mode not in _GOOD_MODES:
        raise ImageError(f"color mode {opened.mode}: convert it to RGB first")


def decode(data: bytes, shrink: int = 1) -> Image:
    """Decode an image that ``probe`` has passed.

    Args:
        data: The file's bytes, known by digest to be those that were probed.
        shrink: 1, 2, 4 or 8: a JPEG is decoded at that fraction of its size, which the inverse
            DCT gives at a lower cost; other formats are averaged down.

    Returns:
        The upright image with sides of ``ceil(side / shrink)`` pixels.

    Raises:
        ImageError: Not of a format that is read, or damaged.
    """
    header = read_header(data)
    jpeg, orientation = header.format == "JPEG", _orientation(data, header)
    image = _by_opencv(data, header, _FLAGS[shrink if jpeg else 1])
    if image is None:
        upright = _strictly(data, header)
        return upright if shrink == 1 else average_down(upright, shrink)
    if shrink == 1:
        return _upright(image, orientation)
    if not jpeg:
        return average_down(_upright(image, orientation), shrink)
    if orientation != 1 and (header.width % shrink or header.height % shrink):
        # Turned upright, partial last blocks may be the first ones: all pixels of the small image
        # would be up to ``shrink - 1`` source pixels off.
        return average_down(decode(data), shrink)
    return _upright(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8), orientation)


def _by_opencv(data: bytes, header: Header, flags: int) -> Image | None:
    """Return what OpenCV decodes; ``None`` for the files that only Pillow reads."""
    if header.format == "AVIF":  # OpenCV does not turn it upright, and may lack the codec
        return None
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags | _AS_STORED)
    except (cv2.error, MemoryError, SystemError):
        return None
    return None if image is None else np.asarray(image, np.uint8)


def _orientation(data: bytes, header: Header) -> int:
    """Return the EXIF orientation that both readers apply; those of a TIFF do it themselves."""
    return orientation_of(data) if header.format in ("JPEG", "PNG", "WEBP") else 1


def _upright(image: Image, orientation: int) -> Image:
    if orientation in (5, 6, 7, 8):
        image = np.asarray(cv2.transpose(image), np.uint8)
    if orientation in _FLIPS:
        image = np.asarray(cv2.flip(image, _FLIPS[orientation]), np.uint8)
    return image


def average_down(image: Image, shrink: int) -> Image:
    """Return an image with sides of ``ceil(side / shrink)`` pixels, each the mean of its block."""
    height, width = (-(-side // shrink) for side in image.shape[:2])
    below, right = height * shrink - image.shape[0], width * shrink - image.shape[1]
    padded = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(padded, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def read_rgb(data: bytes) -> Image:
    """Decode with Pillow an image of a release.

    Raises:
        ImageError: Not an image, damaged, or of more than ``MAX_RELEASED_PIXELS``.
    """
    header = read_header(data, MAX_RELEASED_PIXELS)
    with _decoding(), _opened(data, header) as opened:
        return np.array(opened.convert("RGB"), np.uint8)  # a copy: Pillow's array is read-only


def read_gray(data: bytes) -> Mask:
    """Decode a mask.

    Raises:
        ImageError: Not an image, damaged, not 8-bit gray, or of more than ``MAX_RELEASED_PIXELS``.
    """
    header = read_header(data, MAX_RELEASED_PIXELS)
    with _decoding(), _opened(data, header) as opened:
        if opened.mode != "L":
            raise ImageError(f"expected 8-bit gray, found {opened.mode}")
        return np.array(opened, np.uint8)


def size_of(data: bytes) -> tuple[int, int] | None:
    """Return width and height from an image's header, ``None`` if it is not an image."""
    try:
        header = read_header(data)
    except ImageError:
        return None
    return header.width, header.height


def encode_jpeg(image: Image, quality: int, subsampling: str = "4:2:0") -> bytes:
    """Return a JPEG with the standard tables; no metadata beyond what the format requires."""
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    flags += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SUBSAMPLING[subsampling]]
    return _encoded(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), ".jpg", flags)


def encode_png(image: Image | Mask) -> bytes:
    """Return a PNG: RGB of an image, 8-bit gray of a mask."""
    array = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return _encoded(array, ".png", [cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL])


def encode_webp(image: Image, quality: int | None = None) -> bytes:
    """Return a WebP, lossless without a ``quality``."""
    flags = [cv2.IMWRITE_WEBP_QUALITY, quality or _LOSSLESS]
    return _encoded(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), ".webp", flags)


def _encoded(array: np.ndarray, suffix: str, flags: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, array, flags)
    if not done:
        raise ImageError(f"OpenCV cannot encode {array.shape} {array.dtype} as {suffix}")
    return data.tobytes()


def encode_with_pillow(image: Image, format_: str, **options: Any) -> bytes:
    """Return what Pillow encodes, for options that OpenCV does not have."""
    buffer = io.BytesIO()
    Pillow.fromarray(image).save(buffer, format_, **options)
    return buffer.getvalue()


def is_gray(image: Image, tolerance: int = 0) -> bool:
    """Say whether the three channels differ by at most ``tolerance`` intensity levels."""
    for part in (image[::16, ::16], image):  # a few pixels decide most color images
        red, green, blue = cv2.split(part)
        most = max(cv2.norm(red, green, cv2.NORM_INF), cv2.norm(green, blue, cv2.NORM_INF))
        if most > tolerance:
            return False
    return True


def psnr(before: Image, after: Image, inside: Mask | None = None) -> float | None:
    """Return the peak signal-to-noise ratio in dB, rounded to two decimals.

    Args:
        before: ``(height, width, 3)`` uint8.
        after: Of the same shape.
        inside: Mask of the pixels to compare (not 0); by default all.

    Returns:
        ``None`` if the images are equal there or the mask is empty.
    """
    squared = cv2.norm(before, after, cv2.NORM_L2SQR, inside)
    values = before.size if inside is None else 3 * cv2.countNonZero(inside)
    if squared == 0 or values == 0:
        return None
    return round(float(10 * np.log10(255**2 * values / squared)), 2)
