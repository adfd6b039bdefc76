"""Doing what was drawn to the members of a pair, and saying what it did to each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np

from datagen.core.arrays import Image, Mask
from datagen.degradations.base import Degradation, Homography, Params, warp

__all__ = ["Degraded", "Step", "degrade", "psnr"]


class Step(NamedTuple):
    """One operation with what was drawn for it."""

    kind: Degradation
    params: Params


@dataclass(frozen=True, slots=True)
class Degraded:
    """The members of a pair after their damage.

    Attributes:
        images: In the order in which they came.
        operations: For each image what was executed, JSON-like: ``use``, ``version``, ``params``,
            ``encoder``, ``changed`` (false: it did nothing to this image) and ``psnr`` in dB
            against its own input, which is moved first where the operation moves pixels.
        psnr: For each image that of all operations together; ``None``: nothing changed.
        matrix: Where pixels went; ``None``: nowhere.
    """

    images: list[Image]
    operations: list[list[dict[str, Any]]]
    psnr: list[float | None]
    matrix: Homography | None


def degrade(images: Sequence[Image], steps: Sequence[Step]) -> Degraded:
    """Do all steps to all images; the images are not written to."""
    current = list(images)
    undegraded = list(images)  # moved, and nothing else: what the whole is measured against
    operations: list[list[dict[str, Any]]] = [[] for _ in images]
    matrix: Homography | None = None
    inside: Mask | None = None
    shape = (images[0].shape[0], images[0].shape[1])
    for kind, params in steps:
        after = _checked(kind, current, kind.apply_all(current, params))
        step = kind.homography(params, shape)
        seen = None if step is None else _inside(step, shape)
        told = {
            "use": kind.name,
            "version": kind.version,
            "params": params.model_dump(mode="json"),
            "encoder": kind.encoder(params),
        }
        for number, (before, image) in enumerate(zip(current, after, strict=True)):
            moved = _moved(kind, before, image, params)
            if undegraded[number] is before:
                undegraded[number] = moved
            elif step is not None:
                undegraded[number] = kind.moved(undegraded[number], params)
            changed = cv2.norm(before, image, cv2.NORM_INF) > 0
            value = psnr(moved, image, seen) if changed else None
            operations[number].append({**told, "changed": changed, "psnr": value})
        if step is not None:
            inside = seen if matrix is None else _inside(step @ matrix, shape)
            matrix = step if matrix is None else step @ matrix
        current = after
    whole = [psnr(*both, inside) for both in zip(undegraded, current, strict=True)]
    return Degraded(current, operations, whole, matrix)


def _moved(kind: Degradation, before: Image, after: Image, params: Params) -> Image:
    if kind.only_moves:
        return after
    return kind.moved(before, params) if kind.moves else before


def _inside(matrix: Homography, shape: tuple[int, int]) -> Mask:
    """Mark the pixels that come from within the image."""
    mask = warp(np.full(shape, 255, np.uint8), matrix)
    return np.asarray(cv2.threshold(mask, 254, 255, cv2.THRESH_BINARY)[1], np.uint8)


def psnr(before: Image, after: Image, inside: Mask | None = None) -> float | None:
    """Return the peak signal-to-noise ratio in dB, to a hundredth.

    Args:
        before: ``(height, width, 3)`` uint8.
        after: Of the same shape.
        inside: Where to compare; everywhere by default.

    Returns:
        ``None`` where the images are equal or nothing is inside.
    """
    squared = cv2.norm(before, after, cv2.NORM_L2SQR, inside)
    values = before.size if inside is None else 3 * cv2.countNonZero(inside)
    if squared == 0 or values == 0:
        return None
    return round(float(10 * np.log10(255**2 * values / squared)), 2)


def _checked(kind: Degradation, before: list[Image], after: list[Image]) -> list[Image]:
    for old, new in zip(before, after, strict=True):
        if new.dtype != np.uint8 or new.shape != old.shape:
            raise ValueError(
                f"degradation {kind.name!r} returned {new.shape} {new.dtype}, wanted {old.shape} "
                "uint8"
            )
    return after
