"""What a method must return, held at run time: a plug-in's bug must not become a wrong label."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from datagen.core.arrays import Image, Mask, check_image, check_landmarks, check_mask
from datagen.core.images import is_gray
from datagen.faces.face import FaceCrop
from datagen.methods import Context, Method, Result

__all__ = [
    "alike_in_color",
    "check_repeatable",
    "checked",
    "checked_control",
    "visible_change",
]

# A mask drawn with ones instead of 255 would say that almost nothing was replaced.
_MIN_FULL = 8


def checked(method: Method, result: Result, ctx: Context) -> Result:
    """Return what a method made if it keeps the contract.

    A fake of a gray photograph is made gray too: color alone would give it away.

    Raises:
        ValueError: Wrong type, shape or range, or a change where the mask is 0.
    """
    what = f"method {method.name!r} returned"
    if not isinstance(result, Result):
        raise ValueError(f"{what} {type(result).__name__}, wanted a Result")
    shape = ctx.target.image.shape
    image = check_image(result.image, f"{what} image")
    mask = check_mask(result.mask, shape, f"{what} mask")
    check_landmarks(result.landmarks, f"{what} landmarks")
    if not result.placed and method.family != "synthesis":
        raise ValueError(f"{what} 'placed: false', which only family 'synthesis' may say")
    real = ctx.target.image if result.real is None else check_image(result.real, f"{what} real")
    if image.shape != shape or real.shape != shape:
        raise ValueError(f"{what} an image of {image.shape}, the target has {shape}")
    if 0 < mask.max() < _MIN_FULL:
        raise ValueError(f"{what} a mask of at most {mask.max()}: 255 is fully replaced, not 1")
    untouched = cv2.inRange(mask, np.array([0]), np.array([0]))
    if cv2.norm(image, real, cv2.NORM_INF, untouched) > 0:
        raise ValueError(f"{what} a fake that differs from its real where the mask is 0")
    if not is_gray(ctx.target.image):
        return result
    return replace(
        result, image=to_gray(image), real=None if result.real is None else to_gray(real)
    )


def checked_control(method: Method, control: Image, real: Image, mask: Mask) -> Image:
    """Return a control if it equals the real outside the mask and nearly so inside.

    Raises:
        ValueError: Wrong type or shape, different outside, or under ``method.min_control_psnr``.
    """
    what = f"method {method.name!r} returned a control"
    if not isinstance(control, np.ndarray):
        raise ValueError(f"{what} of type {type(control).__name__}, wanted an image")
    image = check_image(control, what)
    if image.shape != real.shape:
        raise ValueError(f"{what} of {image.shape}, the target has {real.shape}")
    if is_gray(real):
        image = to_gray(image)
    untouched = cv2.inRange(mask, np.array([0]), np.array([0]))
    if cv2.norm(image, real, cv2.NORM_INF, untouched) > 0:
        raise ValueError(f"{what} that differs from its real where the mask is 0")
    inside = cv2.bitwise_not(untouched)
    values = max(3 * cv2.countNonZero(inside), 1)
    squared = cv2.norm(image, real, cv2.NORM_L2SQR, inside) / values
    decibels = 10 * np.log10(255**2 / max(squared, 1e-9))
    if decibels < method.min_control_psnr:
        raise ValueError(
            f"{what} of {decibels:.0f} dB inside the mask, "
            f"wanted {method.min_control_psnr:.0f}: it "
            "must differ from the real by resampling alone"
        )
    return image


def check_repeatable(method: Method, again: Result, result: Result) -> None:
    """Hold two results of one context and params against each other.

    Raises:
        ValueError: They differ: ``apply`` draws, or depends on something outside.
    """
    image = to_gray(again.image) if is_gray(result.image) else again.image
    if not (np.array_equal(image, result.image) and np.array_equal(again.mask, result.mask)):
        raise ValueError(
            f"method {method.name!r} gave two results for the same params: all chance belongs in "
            "'sample' and into the params"
        )


def alike_in_color(target: FaceCrop, donor: FaceCrop | None) -> tuple[FaceCrop, FaceCrop | None]:
    """Return target and donor, the donor in gray when the target is a gray photograph."""
    if donor is None or not is_gray(target.image):
        return target, donor
    image = to_gray(donor.image)
    image.flags.writeable = False
    return target, replace(donor, image=image)


def to_gray(image: Image) -> Image:
    """Return the luma in all channels (ITU-R BT.601); gray stays as it is."""
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(luma, cv2.COLOR_GRAY2RGB), np.uint8)


def visible_change(real: Image, fake: Image, mask: Mask) -> float:
    """Return sum(mask x |fake - real|) / sum(mask) in gray levels, the channels averaged."""
    weight = int(mask.sum(dtype=np.int64))
    if weight == 0:
        return 0.0
    # Whole numbers, so exact; NumPy's sum over the last axis of three takes ten times as long.
    red, green, blue = cv2.split(cv2.absdiff(real, fake))
    difference = cv2.add(cv2.add(red, green, dtype=cv2.CV_16U), blue, dtype=cv2.CV_16U)
    weighted = cv2.multiply(difference, mask, dtype=cv2.CV_32S)
    return int(weighted.sum(dtype=np.int64)) / (3 * weight)
