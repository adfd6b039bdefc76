"""Apply drawn degradation steps to all images of a pair and record their effect on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np

from datagen.core.arrays import Image, Mask
from datagen.core.images import psnr
from datagen.degradations.base import Degradation, Homography, Params
from datagen.degradations.checks import inside_of, run_checked
from datagen.errors import ContractError

__all__ = ["DegradedImages", "Step", "apply_steps", "check_same_degradation"]


class Step(NamedTuple):
    """One operation with the values drawn for it."""

    kind: Degradation
    params: Params


@dataclass(frozen=True, slots=True)
class DegradedImages:
    """The degraded images of a pair and what was done to each.

    Attributes:
        images: Degraded images, in the order of the input.
        operations: Executed operations per image, JSON-like: ``use``, ``version``, ``params``,
            ``encoder``, ``changed`` (false if the operation left this image as it was) and
            ``psnr`` in dB relative to the operation's input, which is moved first when the
            operation moves pixels.
        psnr: PSNR in dB of all operations together, per image; ``None`` if nothing changed.
        matrix: Homography from pixels before to pixels after; ``None`` if no pixel moved.
    """

    images: list[Image]
    operations: list[list[dict[str, Any]]]
    psnr: list[float | None]
    matrix: Homography | None


def apply_steps(images: Sequence[Image], steps: Sequence[Step]) -> DegradedImages:
    """Apply all steps to all images, in order.

    Args:
        images: Images of one shape; they are not modified.
        steps: Operations with their drawn values.

    Raises:
        ContractError: A degradation returned another shape or type, or wrote to its input.
    """
    current = list(images)
    undegraded = list(images)  # moved, but not degraded otherwise: the reference of ``psnr``
    operations: list[list[dict[str, Any]]] = [[] for _ in images]
    matrix: Homography | None = None
    inside: Mask | None = None
    shape = (images[0].shape[0], images[0].shape[1])
    for kind, params in steps:
        after = _applied(kind, current, params)
        step_matrix = kind.homography(params, shape)
        step_inside = None if step_matrix is None else inside_of(step_matrix, shape)
        record = {
            "use": kind.name,
            "version": kind.version,
            "params": params.model_dump(mode="json"),
            "encoder": kind.encoder(params),
        }
        for number, (before, image) in enumerate(zip(current, after, strict=True)):
            moved = _moved(kind, before, image, params)
            if undegraded[number] is before:
                undegraded[number] = moved
            elif step_matrix is not None:
                undegraded[number] = kind.moved(undegraded[number], params)
            changed = cv2.norm(before, image, cv2.NORM_INF) > 0
            value = psnr(moved, image, step_inside) if changed else None
            operations[number].append({**record, "changed": changed, "psnr": value})
        if step_matrix is not None:
            inside = step_inside if matrix is None else inside_of(step_matrix @ matrix, shape)
            matrix = step_matrix if matrix is None else step_matrix @ matrix
        current = after
    whole = [psnr(*both, inside) for both in zip(undegraded, current, strict=True)]
    return DegradedImages(current, operations, whole, matrix)


def check_same_degradation(kinds: str, again: DegradedImages, first: DegradedImages) -> None:
    """Compare two results of the same steps on the same images.

    Args:
        kinds: Names of the degradations, for the message.
        again: Result of the second application.
        first: Result of the first application.

    Raises:
        ContractError: They differ: ``apply`` draws random values or depends on outside state.
    """
    pairs = zip(again.images, first.images, strict=True)
    if not all(np.array_equal(one, other) for one, other in pairs):
        raise ContractError(
            f"degradation {kinds!r} gave two results for the same params. Draw every random value "
            "in 'sample' and return it in the params"
        )


def _applied(kind: Degradation, before: list[Image], params: Params) -> list[Image]:
    return run_checked(kind, before, lambda images: kind.apply_all(images, params))


def _moved(kind: Degradation, before: Image, after: Image, params: Params) -> Image:
    if kind.only_moves:
        return after
    return kind.moved(before, params) if kind.moves else before
