"""The method contract, checked at run time: a bug in a plug-in must not become a wrong label."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from datagen.core.arrays import Image, Mask, check_image, check_landmarks, check_mask
from datagen.core.schema import Frozen, explain
from datagen.core.tone import average_tone, in_tone, keep_tone, tone_of
from datagen.errors import ContractError, DatagenError
from datagen.faces.face import FaceCrop
from datagen.methods import Context, Method, Result

__all__ = [
    "alike_in_color",
    "call_method",
    "check_params",
    "check_repeatable",
    "checked",
    "checked_control",
    "errors_name_pair",
    "visible_change",
]

T = TypeVar("T")

# A mask drawn with ones instead of 255 would say that almost nothing was replaced.
_MIN_FULL = 8

_PURE = "Draw every random value in 'sample' and return it in the params"


@contextlib.contextmanager
def errors_name_pair(pair_id: str, part: str) -> Iterator[None]:
    """Add the pair to the errors of plug-in code.

    Args:
        pair_id: Id of the pair that is being made.
        part: What is running: ``method 'morph'``.

    Raises:
        ContractError: As raised inside, with the pair in front; or params that their model
            refuses.
    """
    try:
        yield
    except ContractError as error:
        raise ContractError(f"pair {pair_id}: {error}", path=error.path, key=error.key) from error
    except DatagenError:
        raise
    except ValidationError as error:
        raise _wrong_params(pair_id, part, error) from error
    except Exception as error:
        error.add_note(f"pair {pair_id}, {part}")
        raise


def _wrong_params(pair_id: str, part: str, error: ValidationError) -> ContractError:
    """Return the error for params that their model refuses, with the place that made them."""
    file, line = "", 0
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_name == "sample":
            file, line = frame.f_code.co_filename, number
    place = f" ({file}, line {line})" if file else ""
    problems = "; ".join(explain(error, Frozen))
    return ContractError(
        f"pair {pair_id}: {part} made params that their model {error.title} refuses{place}: "
        f"{problems}",
        path=file or None,
    )


def call_method(method: Method, ctx: Context, call: Callable[[Context], T]) -> T:
    """Run a step of a method; if it fails, find out whether it tried to write to its inputs.

    Args:
        method: The method, for the message.
        ctx: Context to pass; its arrays are read-only.
        call: The step as a function of the context.

    Raises:
        ContractError: The step writes to its inputs.
    """
    try:
        return call(ctx)
    except DatagenError:
        raise
    except Exception as error:
        if _writes_to_inputs(call, ctx):
            raise ContractError(
                f"method {method.name!r} writes to its inputs. Work on copies of the arrays of "
                "the context"
            ) from error
        raise


def check_params(method: Method, params: Any) -> None:
    """Check what ``sample`` returned.

    Raises:
        ContractError: It is not the method's ``params`` model.
    """
    if not isinstance(params, method.params):
        raise ContractError(
            f"method {method.name!r} returned {type(params).__name__} from 'sample', expected its "
            f"params model {method.params.__name__}"
        )


def checked(method: Method, result: Result, ctx: Context) -> Result:
    """Return the result of a method if it keeps the contract.

    The fake of a black-and-white or toned image takes its tone: color alone would reveal it.

    Raises:
        ContractError: Wrong type, shape or range, or a difference where the mask is 0.
    """
    name = f"method {method.name!r}"
    what = f"{name} returned"
    if not isinstance(result, Result):
        raise ContractError(f"{what} {type(result).__name__}, expected a Result")
    shape = ctx.target.image.shape
    image = _refused(check_image, result.image, f"image returned by {name}")
    real = ctx.target.image
    if result.real is not None:
        real = _refused(check_image, result.real, f"real returned by {name}")
    mask = _refused(check_mask, result.mask, shape, f"mask returned by {name}")
    _refused(check_landmarks, result.landmarks, f"landmarks returned by {name}")
    if not result.placed and method.family != "synthesis":
        raise ContractError(f"{what} 'placed: false', which only family 'synthesis' may return")
    if image.shape != shape or real.shape != shape:
        raise ContractError(f"{what} an image of {image.shape}, the target has {shape}")
    if 0 < mask.max() < _MIN_FULL:
        raise ContractError(f"{what} a mask of at most {mask.max()}: 255 is fully replaced, not 1")
    if not _equal_outside(image, real, mask):
        raise ContractError(
            f"{what} a fake that differs from its real where the mask is 0. Include every changed "
            "pixel in the mask"
        )
    target = ctx.target.image
    if (tone := tone_of(target)) is None:
        return result
    kept = None if result.real is None else keep_tone(real, target, tone)
    return replace(result, image=keep_tone(image, target, tone), real=kept)


def checked_control(method: Method, control: Image, real: Image, mask: Mask) -> Image:
    """Return a control if it equals the real outside the mask and nearly equals it inside.

    Raises:
        ContractError: Wrong type or shape, a difference outside the mask, or a PSNR inside the
            mask below ``method.min_control_psnr``.
    """
    what = f"method {method.name!r} returned a control"
    image = _refused(check_image, control, f"control returned by method {method.name!r}")
    if image.shape != real.shape:
        raise ContractError(f"{what} of {image.shape}, the target has {real.shape}")
    if (tone := tone_of(real)) is not None:
        image = keep_tone(image, real, tone)
    if not _equal_outside(image, real, mask):
        raise ContractError(f"{what} that differs from its real where the mask is 0")
    decibels = _psnr_inside(image, real, mask)
    if decibels < method.min_control_psnr:
        raise ContractError(
            f"{what} of {decibels:.0f} dB inside the mask, at least "
            f"{method.min_control_psnr:.0f} dB required: a control may differ from the real by "
            "resampling only"
        )
    return image


def check_repeatable(method: Method, again: object, first: Result) -> None:
    """Compare two results for the same context and params.

    Raises:
        ContractError: They differ: the method draws random values in ``apply``, or depends on
            outside state.
    """
    equal = isinstance(again, Result) and all(
        np.array_equal(getattr(again, name), getattr(first, name))
        for name in ("image", "mask", "landmarks")
    )
    if not equal:
        raise ContractError(f"method {method.name!r} gave two results for the same params. {_PURE}")


def alike_in_color(target: FaceCrop, donor: FaceCrop | None) -> tuple[FaceCrop, FaceCrop | None]:
    """Return target and donor; of a pair in color and black and white, the donor is converted.

    For a black-and-white or toned target, it takes the target's tone. For a target in color, a
    black-and-white donor is tinted as the target's face is on average.
    """
    if donor is None:
        return target, donor
    tone = tone_of(target.image)
    if tone is None and tone_of(donor.image) is not None:
        tone = average_tone(target.image, _face(target))
    if tone is None:
        return target, donor
    image = in_tone(donor.image, tone)
    image.flags.writeable = False
    return target, replace(donor, image=image)


def _face(crop: FaceCrop) -> NDArray[np.bool_]:
    """Return which pixels lie within the hull of the landmarks."""
    hull = cv2.convexHull(np.rint(crop.landmarks).astype(np.int32))
    inside = cv2.fillConvexPoly(np.zeros(crop.image.shape[:2], np.uint8), hull, 255)
    return np.asarray(inside > 0)


def visible_change(real: Image, fake: Image, mask: Mask) -> float:
    """Return the visible change, sum(mask x |fake - real|) / sum(mask).

    Args:
        real: ``(height, width, 3)`` uint8.
        fake: Image of the same shape.
        mask: ``(height, width)`` uint8, the weight of each pixel.

    Returns:
        8-bit intensity levels, averaged over the channels; 0 for an empty mask.
    """
    weight = int(mask.sum(dtype=np.int64))
    if weight == 0:
        return 0.0
    x, y, width, height = cv2.boundingRect(mask)
    box = slice(y, y + height), slice(x, x + width)
    mask = mask[box]
    # Integers, so the sum is exact; NumPy's sum over the last axis takes ten times as long.
    red, green, blue = cv2.split(cv2.absdiff(real[box], fake[box]))
    difference = cv2.add(cv2.add(red, green, dtype=cv2.CV_16U), blue, dtype=cv2.CV_16U)
    weighted = cv2.multiply(difference, mask, dtype=cv2.CV_32S)
    return int(weighted.sum(dtype=np.int64)) / (3 * weight)


def _refused(check: Callable[..., T], array: Any, *rest: Any) -> T:
    """Run a check of ``core.arrays`` on what a plug-in returned."""
    if not isinstance(array, np.ndarray):
        raise ContractError(f"{rest[-1]}: expected a NumPy array, got {type(array).__name__}")
    try:
        return check(array, *rest)
    except ValueError as error:
        raise ContractError(str(error)) from error


def _writes_to_inputs(call: Callable[[Context], Any], ctx: Context) -> bool:
    donor = None if ctx.donor is None else _copied(ctx.donor)
    copies = Context(_copied(ctx.target), donor)
    with contextlib.suppress(Exception):
        call(copies)
    before, after = (
        [face for face in (context.target, context.donor) if face is not None]
        for context in (ctx, copies)
    )
    return any(
        not np.array_equal(getattr(one, name), getattr(other, name))
        for one, other in zip(before, after, strict=True)
        for name in ("image", "landmarks", "mesh")
    )


def _copied(face: FaceCrop) -> FaceCrop:
    mesh = None if face.mesh is None else face.mesh.copy()
    return replace(face, image=face.image.copy(), landmarks=face.landmarks.copy(), mesh=mesh)


def _equal_outside(image: Image, real: Image, mask: Mask) -> bool:
    untouched = cv2.inRange(mask, np.array([0]), np.array([0]))
    return cv2.norm(image, real, cv2.NORM_INF, untouched) == 0


def _psnr_inside(image: Image, real: Image, mask: Mask) -> float:
    inside = cv2.inRange(mask, np.array([1]), np.array([255]))
    values = max(3 * cv2.countNonZero(inside), 1)
    squared = cv2.norm(image, real, cv2.NORM_L2SQR, inside) / values
    return float(10 * np.log10(255**2 / max(squared, 1e-9)))
