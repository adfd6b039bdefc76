"""The two libraries that unpack pixels, Pillow and OpenCV, and what they may raise."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from datagen.core.arrays import Image
from datagen.core.image_headers import Header
from datagen.errors import ImageError

__all__ = ["MOVING", "by_opencv", "decoding", "opened_by_pillow"]

MOVING = "animated or multi-page: expected one still image"

_FLAGS = {
    1: cv2.IMREAD_COLOR_RGB,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
# AVIF: OpenCV may lack the codec. TIFF: OpenCV lacks compressions that Pillow reads.
_PILLOW_ONLY = ("AVIF", "TIFF")


@contextmanager
def decoding() -> Iterator[None]:
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


def opened_by_pillow(data: bytes, header: Header) -> Pillow.Image:
    """Open with the one plug-in that the header calls for: none of the others is asked.

    Raises:
        ImageError: It is animated, or larger than its header states; within ``decoding``, whatever
            else is wrong.
    """
    if not header.still:
        raise ImageError(MOVING)
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


def by_opencv(data: bytes, header: Header, shrink: int = 1) -> Image | None:
    """Return the RGB pixels that OpenCV decodes, as they are stored.

    Args:
        data: All bytes of the file.
        header: Its header.
        shrink: For a JPEG, the fraction of its size: 1, 2, 4 or 8.

    Returns:
        ``None`` for a file that only Pillow reads.
    """
    if header.format in _PILLOW_ONLY:
        return None
    flags = _FLAGS[shrink] | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except (cv2.error, MemoryError, SystemError):
        return None
    if image is None:
        return None
    if shrink > 1:  # there are no flags for a reduced RGB
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    return np.asarray(image, np.uint8)
