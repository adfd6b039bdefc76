"""The contract of a degradation at run time: shapes, types, and inputs that stay as they are."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import cv2
import numpy as np

from datagen.core.arrays import Image, Mask
from datagen.degradations.base import Degradation, Homography, warp
from datagen.errors import ContractError, DatagenError

__all__ = ["inside_of", "run_checked"]


def run_checked(
    kind: Degradation, before: list[Image], run: Callable[[list[Image]], list[Image]]
) -> list[Image]:
    """Degrade images that cannot be written to, and check what comes back.

    Args:
        kind: The degradation, for messages.
        before: Images; they are not modified.
        run: Applies it to all of them.

    Returns:
        The degraded images; one that was given and came back is the same object.

    Raises:
        ContractError: Another number, shape or type came back, or an input was written to.
    """
    inputs = [_read_only(image) for image in before]
    try:
        after = run(inputs)
    except DatagenError:
        raise
    except Exception as error:
        if _writes_to_input(before, run):
            raise ContractError(
                f"degradation {kind.name!r} writes to its input in 'apply'. Work on a copy"
            ) from error
        raise
    if len(after) != len(before):
        raise ContractError(
            f"degradation {kind.name!r} returned {len(after)} images for {len(before)}"
        )
    for old, new in zip(before, after, strict=True):
        if not isinstance(new, np.ndarray):
            raise ContractError(
                f"degradation {kind.name!r} returned {type(new).__name__}, expected a NumPy array"
            )
        if new.dtype != np.uint8 or new.shape != old.shape:
            raise ContractError(
                f"degradation {kind.name!r} returned {new.shape} {new.dtype}, expected "
                f"{old.shape} uint8"
            )
    given = {id(view): image for view, image in zip(inputs, before, strict=True)}
    return [given.get(id(new), new) for new in after]


def _read_only(image: Image) -> Image:
    view = image.view()
    view.flags.writeable = False
    return view


def _writes_to_input(images: list[Image], run: Callable[[list[Image]], list[Image]]) -> bool:
    copies = [image.copy() for image in images]
    with contextlib.suppress(Exception):
        run(copies)
    return not all(map(np.array_equal, copies, images))


def inside_of(matrix: Homography, shape: tuple[int, int]) -> Mask:
    """Mark the pixels whose content comes from within the image."""
    mask = warp(np.full(shape, 255, np.uint8), matrix)
    return np.asarray(cv2.threshold(mask, 254, 255, cv2.THRESH_BINARY)[1], np.uint8)
