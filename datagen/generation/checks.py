"""What a method must return, held at run time: a plug-in's bug must not become a wrong label."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from datagen.core.arrays import Image, Mask, check_image, check_landmarks, check_mask
from datagen.degradations.apply import Damaged
from datagen.faces.face import FaceCrop
from datagen.methods import Context, Method, Result

__all__ = [
    "alike_in_colour",
    "check_repeatable",
    "check_same_damage",
    "checked",
    "checked_control",
    "visible_change",
]

# A mask drawn with ones instead of 255 would say that almost nothing was replaced.
_LEAST_FULL = 8


def checked(method: Method, result: Result, ctx: Context) -> Result:
    """Return what a method made if it keeps the contract.

    A fake of a grey photograph is made grey too: colour alone would give it away.

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
        raise ValueError(f"{what} a picture of {image.shape}, the target has {shape}")
    if 0 < mask.max() < _LEAST_FULL:
        raise ValueError(f"{what} a mask of at most {mask.max()}: 255 is fully replaced, not 1")
    untouched = cv2.inRange(mask, np.array([0]), np.array([0]))
    if cv2.norm(image, real, cv2.NORM_INF, untouched) > 0:
        raise ValueError(f"{what} a fake that differs from its real where the mask is 0")
    if not is_grey(ctx.target.image):
        return result
    return replace(result, image=greyed(image), real=None if result.real is None else greyed(real))


def checked_control(method: Method, control: Image, real: Image, mask: Mask) -> Image:
    """Return a control if it equals the real outside the mask and nearly so inside.

    Raises:
        ValueError: Wrong type or shape, different outside, or under ``method.least_control``.
    """
    what = f"method {method.name!r} returned a control"
    if not isinstance(control, np.ndarray):
        raise ValueError(f"{what} of type {type(control).__name__}, wanted a picture")
    image = check_image(control, what)
    if image.shape != real.shape:
        raise ValueError(f"{what} of {image.shape}, the target has {real.shape}")
    if is_grey(real):
        image = greyed(image)
    untouched = cv2.inRange(mask, np.array([0]), np.array([0]))
    if cv2.norm(image, real, cv2.NORM_INF, untouched) > 0:
        raise ValueError(f"{what} that differs from its real where the mask is 0")
    inside = cv2.bitwise_not(untouched)
    values = max(3 * cv2.countNonZero(inside), 1)
    squared = cv2.norm(image, real, cv2.NORM_L2SQR, inside) / values
    decibels = 10 * np.log10(255**2 / max(squared, 1e-9))
    if decibels < method.least_control:
        raise ValueError(
            f"{what} of {decibels:.0f} dB inside the mask, wanted {method.least_control:.0f}: it "
            "must differ from the real by resampling alone"
        )
    return image


def check_repeatable(method: Method, again: Result, result: Result) -> None:
    """Hold two results of one context and params against each other.

    Raises:
        ValueError: They differ: ``apply`` draws, or depends on something outside.
    """
    image = greyed(again.image) if is_grey(result.image) else again.image
    if not (np.array_equal(image, result.image) and np.array_equal(again.mask, result.mask)):
        raise ValueError(
            f"method {method.name!r} gave two results for the same params: all chance belongs in "
            "'sample' and into the params"
        )


def check_same_damage(kinds: str, again: Damaged, damaged: Damaged) -> None:
    """Hold two damages of the same pictures with the same params against each other.

    Raises:
        ValueError: They differ: ``apply`` draws, or depends on something outside.
    """
    pairs = zip(again.images, damaged.images, strict=True)
    if not all(np.array_equal(one, other) for one, other in pairs):
        raise ValueError(
            f"degradation {kinds!r} gave two results for the same params: all chance belongs in "
            "'sample' and into the params"
        )


def alike_in_colour(target: FaceCrop, donor: FaceCrop | None) -> tuple[FaceCrop, FaceCrop | None]:
    """Return target and donor, the donor in grey when the target is a grey photograph."""
    if donor is None or not is_grey(target.image):
        return target, donor
    image = greyed(donor.image)
    image.flags.writeable = False
    return target, replace(donor, image=image)


def is_grey(image: Image) -> bool:
    """Say whether the three channels are equal."""
    red, green, blue = cv2.split(image)
    return cv2.norm(red, green, cv2.NORM_INF) == 0 and cv2.norm(green, blue, cv2.NORM_INF) == 0


def greyed(image: Image) -> Image:
    """Return the luma in all channels (ITU-R BT.601); grey stays as it is."""
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(luma, cv2.COLOR_GRAY2RGB), np.uint8)


def visible_change(real: Image, fake: Image, mask: Mask) -> float:
    """Return sum(mask x |fake - real|) / sum(mask) in grey levels, the channels averaged."""
    weight = int(mask.sum(dtype=np.int64))
    if weight == 0:
        return 0.0
    # Whole numbers, so exact; NumPy's sum over the last axis of three takes ten times as long.
    red, green, blue = cv2.split(cv2.absdiff(real, fake))
    difference = cv2.add(cv2.add(red, green, dtype=cv2.CV_16U), blue, dtype=cv2.CV_16U)
    weighted = cv2.multiply(difference, mask, dtype=cv2.CV_32S)
    return int(weighted.sum(dtype=np.int64)) / (3 * weight)
