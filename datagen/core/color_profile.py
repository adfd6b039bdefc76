"""Colors as they are meant: by its embedded profile, an image is converted to sRGB."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageCms

from datagen.core.arrays import Image
from datagen.errors import ImageError

__all__ = ["to_srgb"]

_SPACES = {"RGB ": "RGB", "GRAY": "L"}
_SAME = 3
"""Intensity levels: profiles that move no color by more are sRGB in the rounding of its writer."""

_STEPS = (0, 32, 64, 96, 128, 160, 192, 224, 255)
_ROWS = 256  # converted at once, so that memory does not grow with the image


def to_srgb(image: Image, profile: bytes | None, gray: bool) -> Image:
    """Return an image in sRGB, relative colorimetric with black point compensation.

    Args:
        image: RGB; of a gray image the three channels are equal, and stay so.
        profile: Its embedded ICC profile.
        gray: Whether the file stores a gray image.

    Returns:
        The same array if there is no profile, or one that equals sRGB.

    Raises:
        ImageError: The profile is damaged, or for another kind of image.
    """
    conversion = _conversion(profile, gray) if profile else None
    if conversion is None:
        return image
    if conversion.curve is not None:
        return np.asarray(cv2.LUT(image, conversion.curve), np.uint8)
    done = np.empty_like(image)
    for start in range(0, len(image), _ROWS):
        done[start : start + _ROWS] = _applied(conversion.transform, image[start : start + _ROWS])
    return done


@dataclass(frozen=True, slots=True)
class _Conversion:
    transform: Any
    curve: NDArray[np.uint8] | None  # of a gray image


@lru_cache(maxsize=16)
def _conversion(profile: bytes, gray: bool) -> _Conversion | None:
    """Return how to convert, ``None`` if there is nothing to do.

    Raises:
        ImageError: See ``to_srgb``.
    """
    try:
        read = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = str(read.profile.xcolor_space)
        mode = _SPACES.get(space)
        if mode is None or (mode == "L" and not gray):
            raise ImageError(
                f"its color profile is for {space.strip() or 'another kind of image'}, but it is "
                f"{'gray' if gray else 'RGB'}: convert it to sRGB, or remove the profile"
            )
        transform = ImageCms.buildTransform(
            read,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return _needed(transform, mode, gray)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError) as error:
        raise ImageError(
            f"its color profile cannot be used ({error}): convert it to sRGB, or remove the profile"
        ) from None


def _needed(transform: Any, mode: str, gray: bool) -> _Conversion | None:
    if gray:
        ramp = np.arange(256, dtype=np.uint8)[None]
        seen = _applied(transform, ramp if mode == "L" else np.repeat(ramp[..., None], 3, axis=2))
        curve = np.asarray(cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY), np.uint8)
        same = int(np.abs(curve.astype(int) - ramp).max()) <= _SAME
        return None if same else _Conversion(transform, curve)
    colors = np.array([list(product(_STEPS, repeat=3))], np.uint8)
    moved = np.abs(_applied(transform, colors).astype(int) - colors)
    return None if int(moved.max()) <= _SAME else _Conversion(transform, None)


def _applied(transform: Any, pixels: NDArray[np.uint8]) -> Image:
    done = ImageCms.applyTransform(Pillow.fromarray(pixels), transform)
    return np.asarray(done, np.uint8)
