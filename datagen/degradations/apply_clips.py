"""Apply drawn degradation steps to the clips of a pair and record their effect on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import cv2
import numpy as np

from datagen.core.arrays import Image, Mask
from datagen.degradations.apply import Step
from datagen.degradations.base import Degradation, Homography, Params
from datagen.degradations.checks import inside_of, run_checked
from datagen.errors import ContractError

__all__ = ["DegradedClips", "apply_steps_to_clips", "check_same_clips"]


@dataclass(frozen=True, slots=True)
class DegradedClips:
    """The degraded clips of a pair and what was done to each.

    Attributes:
        clips: Degraded clips, in the order of the input.
        operations: Executed operations per clip, as in ``DegradedImages``; a PSNR is that of the
            mean squared error over all frames.
        psnr: PSNR in dB of all operations together, per clip, relative to the frames that are
            shown; ``None`` if nothing changed but which ones.
        matrix: Homography of every frame from pixels before to pixels after; ``None`` if no pixel
            moved.
        shown: Number of the input frame that is shown at each position; ``None`` if each its own.
    """

    clips: list[list[Image]]
    operations: list[list[dict[str, Any]]]
    psnr: list[float | None]
    matrix: Homography | None
    shown: list[int] | None


def apply_steps_to_clips(clips: Sequence[Sequence[Image]], steps: Sequence[Step]) -> DegradedClips:
    """Apply all steps to all clips, in order.

    Args:
        clips: Clips of equal length, whose frames have one shape; they are not modified.
        steps: Operations with their drawn values.

    Raises:
        ContractError: A degradation returned another shape, type or count, or wrote to its input.
    """
    current = [list(clip) for clip in clips]
    undegraded = [list(clip) for clip in clips]  # shown and moved, but not degraded otherwise
    operations: list[list[dict[str, Any]]] = [[] for _ in clips]
    matrix: Homography | None = None
    inside: Mask | None = None
    order: list[int] | None = None
    shape = (clips[0][0].shape[0], clips[0][0].shape[1])
    for kind, params in steps:
        after = _applied(kind, current, params)
        step_matrix = kind.clip_homography(params, shape)
        step_inside = None if step_matrix is None else inside_of(step_matrix, shape)
        shown = _shown(kind, params, len(clips[0]))
        record = {
            "use": kind.name,
            "version": kind.version,
            "params": params.model_dump(mode="json"),
            "encoder": kind.encoder(params),
        }
        for number, (before, now) in enumerate(zip(current, after, strict=True)):
            same = all(a is b for a, b in zip(undegraded[number], before, strict=True))
            reference = _reference(kind, before, params, shown, step_matrix)
            undegraded[number] = (
                reference
                if same
                else _reference(kind, undegraded[number], params, shown, step_matrix)
            )
            changed = any(
                cv2.norm(a, b, cv2.NORM_INF) > 0 for a, b in zip(before, now, strict=True)
            )
            value = _psnr(reference, now, step_inside) if changed else None
            operations[number].append({**record, "changed": changed, "psnr": value})
        if step_matrix is not None:
            inside = step_inside if matrix is None else inside_of(step_matrix @ matrix, shape)
            matrix = step_matrix if matrix is None else step_matrix @ matrix
        if shown is not None:
            order = shown if order is None else [order[number] for number in shown]
        current = after
    whole = [_psnr(*both, inside) for both in zip(undegraded, current, strict=True)]
    return DegradedClips(current, operations, whole, matrix, order)


def check_same_clips(kinds: str, again: DegradedClips, first: DegradedClips) -> None:
    """Compare two results of the same steps on the same clips.

    Args:
        kinds: Names of the degradations, for the message.
        again: Result of the second application.
        first: Result of the first application.

    Raises:
        ContractError: They differ: ``apply`` draws random values or depends on outside state.
    """
    frames = zip(chain(*again.clips), chain(*first.clips), strict=True)
    if not all(np.array_equal(one, other) for one, other in frames):
        raise ContractError(
            f"degradation {kinds!r} gave two results for the same params. Draw every random value "
            "in 'sample' and return it in the params"
        )


def _applied(kind: Degradation, before: list[list[Image]], params: Params) -> list[list[Image]]:
    count = len(before[0])

    def run(flat: list[Image]) -> list[Image]:
        clips = [flat[start : start + count] for start in range(0, len(flat), count)]
        after = kind.apply_clips(clips, params)
        lengths = [len(clip) for clip in after]
        if lengths != [count] * len(before):
            raise ContractError(
                f"degradation {kind.name!r} returned clips of {lengths} frames, expected "
                f"{len(before)} of {count}"
            )
        return list(chain(*after))

    flat = run_checked(kind, list(chain(*before)), run)
    return [flat[start : start + count] for start in range(0, len(flat), count)]


def _shown(kind: Degradation, params: Params, count: int) -> list[int] | None:
    shown = kind.shown(params, count)
    if shown is not None and (
        len(shown) != count or not all(0 <= number < count for number in shown)
    ):
        raise ContractError(
            f"degradation {kind.name!r}: 'shown' returned {shown}, expected {count} numbers from "
            f"0 to {count - 1}"
        )
    return shown


def _reference(
    kind: Degradation,
    before: list[Image],
    params: Params,
    shown: list[int] | None,
    matrix: Homography | None,
) -> list[Image]:
    """Return what the PSNR is measured against: shown and moved, not degraded otherwise."""
    if shown is not None:
        before = [before[number] for number in shown]
    return before if matrix is None else [kind.moved(frame, params) for frame in before]


def _psnr(before: list[Image], after: list[Image], inside: Mask | None) -> float | None:
    squared = sum(
        cv2.norm(one, other, cv2.NORM_L2SQR, inside)
        for one, other in zip(before, after, strict=True)
    )
    each = before[0].size if inside is None else 3 * cv2.countNonZero(inside)
    if squared == 0 or each == 0:
        return None
    return round(float(10 * np.log10(255**2 * each * len(before) / squared)), 2)
