"""Landmarks smoothed over time: what a network jitters goes, what a face does stays.

A track is split into the motion of the head in the image, which is that of its rigid parts, and
the deformation that is left. From the motion, the path by the pixels is taken out first: from frame
to frame it is exact, and drifts; landmarks tremble, and do not drift. What is left is fitted by
local polynomials (Savitzky and Golay 1964) whose
windows are chosen for each frame and each part of the face by the intersection of confidence
intervals (Goldenshluger and Nemirovski 1997; Katkovnik 1999): the longest window whose fit agrees,
within the noise, with those of all shorter ones. So a face at rest is averaged over a second, and
a blink of three frames is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d, minimum_filter1d

from datagen.faces.landmarks import (
    BROWS,
    JAW,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_EYE_CORNERS,
    MOUTH,
    NOSE,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_EYE_CORNERS,
    indices,
)
from datagen.faces.tracks.flow import Step

__all__ = ["SMOOTHING", "Smoothed", "smooth"]

Values = NDArray[np.float64]

_ORDER = 2
_HEAD = (1, 5, 7, 9, 13)
_FACE = (1, 7, 11, 15, 21, 27)
_AGREE = 6.0
_AGREE_HEAD = 3.5
_AGREE_OPENING = 4.0
_MEASURE = 1
_RIGID = indices(BROWS, NOSE, *RIGHT_EYE_CORNERS, *LEFT_EYE_CORNERS)
_PARTS = (JAW, RIGHT_BROW, LEFT_BROW, NOSE, RIGHT_EYE, LEFT_EYE, MOUTH)
# Points that lie opposite each other on lids and lips, by the first point of their part.
_OPENINGS = {
    36: (((37, 41), (38, 40), (43, 47), (44, 46)), ((37, 41), (38, 40))),
    42: (((37, 41), (38, 40), (43, 47), (44, 46)), ((43, 47), (44, 46))),
    48: (((61, 67), (62, 66), (63, 65)),),
}
_FLOOR = 1e-3  # pixels, or degrees: what is exact has no noise to be measured
_BLEND = np.array([0.25, 0.5, 0.25])
_CONSISTENT = 1.4826  # from the median of absolute values to the standard deviation

SMOOTHING = {
    "method": "flow-lpa-ici-1",
    "order": _ORDER,
    "windows_of_head": list(_HEAD),
    "windows_of_face": list(_FACE),
    "agree": _AGREE,
}
"""Method and strength, for records of what was made with it; the method's number is raised when
the same points may come out otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class Smoothed:
    """Geometry of a face over time, smoothed.

    Attributes:
        landmarks: ``(T, 68, 2)`` float32.
        mesh: ``(T, 478, 3)`` float32, or ``None``.
        pose: Yaw, pitch and roll in degrees, ``(T, 3)`` float32; NaN where unknown.
    """

    landmarks: NDArray[np.float32]
    mesh: NDArray[np.float32] | None
    pose: NDArray[np.float32]


def smooth(
    landmarks: NDArray[np.float32],
    mesh: NDArray[np.float32] | None,
    pose: NDArray[np.float32],
    steps: Sequence[Step | None] = (),
) -> Smoothed:
    """Return the geometry of consecutive frames without the jitter of what measured it.

    Args:
        landmarks: ``(T, 68, 2)`` float32.
        mesh: ``(T, 478, 3)`` float32, moved as the landmarks of the nearest part are; or ``None``.
        pose: Degrees, ``(T, 3)`` float32.
        steps: How the head has moved to each frame by the pixels; ``None`` where that is unclear.
            The first is not used. Left out, the motion is that of the landmarks.
    """
    points = _complex(landmarks)
    scale, shift = _head_motion(points)
    own = (points - shift) / scale
    smooth_scale, smooth_shift = _smooth_motion(scale, shift, steps)
    chosen = _of_parts(own)
    face = np.concatenate(
        [
            _taken(_plain(own[:, part]), pick, _FACE)
            for part, pick in zip(_PARTS, chosen, strict=True)
        ],
        axis=1,
    )
    moved = _as_complex(face) * smooth_scale + smooth_shift
    return Smoothed(
        landmarks=np.stack([moved.real, moved.imag], axis=-1).astype(np.float32),
        mesh=None
        if mesh is None
        else _mesh(mesh, landmarks, chosen, (scale, shift), (smooth_scale, smooth_shift)),
        pose=_pose(pose),
    )


def _of_parts(own: NDArray[np.complex128]) -> list[Values]:
    """Return the shares of the windows for each part; a lid or lip that moves counts as such."""
    chosen = []
    for part in _PARTS:
        best = _longest(_plain(own[:, part]), _FACE, _AGREE)
        for pairs in _OPENINGS.get(part.start, ()):
            upper, lower = (own[:, list(side)] for side in zip(*pairs, strict=True))
            opening = np.abs(upper - lower).mean(axis=1, keepdims=True)
            best = np.minimum(best, _longest(opening, _FACE, _AGREE_OPENING))
        chosen.append(_shares(best, len(_windows(len(own), _FACE))))
    return chosen


def _complex(points: NDArray[np.float32]) -> NDArray[np.complex128]:
    return points[..., 0].astype(np.float64) + 1j * points[..., 1]


def _plain(points: NDArray[np.complex128]) -> Values:
    """Return ``(T, n)`` complex points as ``(T, 2 n)`` coordinates."""
    return np.stack([points.real, points.imag], axis=-1).reshape(len(points), -1)


def _as_complex(values: Values) -> NDArray[np.complex128]:
    return np.asarray(values[:, 0::2] + 1j * values[:, 1::2])


def _head_motion(
    points: NDArray[np.complex128],
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return scale with rotation, and shift, of each frame against the mean shape: ``(T, 1)``."""
    rigid = points[:, _RIGID]
    centers = rigid.mean(axis=1, keepdims=True)
    shape = (rigid - centers)[len(rigid) // 2]
    scale = _scale(rigid - centers, shape)
    for _ in range(2):
        shape = ((rigid - centers) / scale).mean(axis=0)
        scale = _scale(rigid - centers, shape)
    return scale, centers


def _scale(points: NDArray[np.complex128], shape: NDArray[np.complex128]) -> NDArray[np.complex128]:
    size = max(float(np.vdot(shape, shape).real), 1e-9)
    scale = (points @ shape.conj())[:, None] / size
    return np.asarray(np.where(np.abs(scale) < 1e-6, 1e-6, scale))


def _smooth_motion(
    scale: NDArray[np.complex128],
    shift: NDArray[np.complex128],
    steps: Sequence[Step | None] = (),
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Smooth what the path by the pixels leaves of the motion: it is slow, however fast that is."""
    windows = _FACE if any(step is not None for step in steps[1:]) else _HEAD
    path_scale, path_shift = _path(scale, shift, steps)
    turn, place = _plain(scale / path_scale), _plain(shift - path_shift)
    turned = _taken(turn, _chosen(turn, windows, floor=_FLOOR * 1e-2), windows)
    placed = _taken(place, _chosen(place, windows), windows)
    return _as_complex(turned) * path_scale, _as_complex(placed) + path_shift


def _path(
    scale: NDArray[np.complex128],
    shift: NDArray[np.complex128],
    steps: Sequence[Step | None],
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return scale and place of the head along the steps; a step that is missing is guessed."""
    scales, shifts = np.ones_like(scale), np.zeros_like(shift)
    if not steps:
        return scales, shifts
    shifts[0] = shift[0]
    for frame in range(1, len(scale)):
        step = steps[frame]
        if step is None:
            scales[frame] = scales[frame - 1] * scale[frame] / scale[frame - 1]
            shifts[frame] = shifts[frame - 1] + shift[frame] - shift[frame - 1]
        else:
            scales[frame] = scales[frame - 1] * step[0]
            # From where the landmarks are, so that an error of the path does not grow.
            shifts[frame] = shifts[frame - 1] + (step[0] - 1) * shift[frame - 1] + step[1]
    return scales, shifts


def _mesh(
    mesh: NDArray[np.float32],
    landmarks: NDArray[np.float32],
    chosen: Sequence[Values],
    motion: tuple[NDArray[np.complex128], NDArray[np.complex128]],
    smoothed: tuple[NDArray[np.complex128], NDArray[np.complex128]],
) -> NDArray[np.float32]:
    """Smooth each vertex with the windows of the part that it lies nearest to."""
    middle = len(mesh) // 2
    away = np.abs(_complex(mesh[middle])[:, None] - _complex(landmarks[middle])[None])
    part_of = np.concatenate([[n] * (p.stop - p.start) for n, p in enumerate(_PARTS)])
    nearest = part_of[away.argmin(axis=1)]
    size, new_size = np.abs(motion[0]), np.abs(smoothed[0])
    made = np.empty_like(mesh)
    for number, pick in enumerate(chosen):
        vertices = np.flatnonzero(nearest == number)
        if not len(vertices):
            continue
        own = (_complex(mesh[:, vertices]) - motion[1]) / motion[0]
        flat = _as_complex(_taken(_plain(own), pick, _FACE)) * smoothed[0] + smoothed[1]
        depth = _taken(mesh[:, vertices, 2] / size, pick, _FACE) * new_size
        made[:, vertices] = np.stack([flat.real, flat.imag, depth], axis=-1)
    return made


def _pose(pose: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(pose).all():
        return pose
    angles = np.unwrap(pose.astype(np.float64), period=360.0, axis=0)
    smoothed = _taken(angles, _chosen(angles, _HEAD), _HEAD)
    return ((smoothed + 180.0) % 360.0 - 180.0).astype(np.float32)


def _windows(count: int, windows: Sequence[int]) -> list[int]:
    return [window for window in windows if window <= count]


def _chosen(values: Values, windows: Sequence[int], floor: float = _FLOOR) -> Values:
    best = _longest(values, windows, _AGREE_HEAD, floor)
    return _shares(best, len(_windows(len(values), windows)))


def _longest(
    values: Values, windows: Sequence[int], agree: float, floor: float = _FLOOR
) -> NDArray[np.int64]:
    """Return which window is the longest that fits each frame.

    Args:
        values: ``(T, k)``: coordinates that share one window.
        windows: Lengths to choose from; the first is 1, the value itself.
        agree: By how many standard deviations fits may differ.
        floor: Smallest noise that counts.
    """
    usable = _windows(len(values), windows)
    best = np.zeros(len(values), np.int64)
    if len(usable) < 2:
        return best
    fits = [_fit(values, window) for window in usable]
    spread = [_variance(len(values), window) for window in usable]
    measure = min(_MEASURE, len(usable) - 1)
    noise = _noise(values - fits[measure], spread[measure], floor)
    agrees = np.ones(len(values), bool)
    for long in range(1, len(usable)):
        for short in range(long):
            away = (((fits[long] - fits[short]) / noise) ** 2).mean(axis=1)
            expected = np.maximum(spread[short] - spread[long], 1e-9)
            agrees &= away <= agree**2 * expected
        best[agrees] = long
    return best


def _shares(best: NDArray[np.int64], count: int) -> Values:
    """Return the share of each window in the fit of each frame, ``(windows, T)``."""
    best = minimum_filter1d(best, len(_BLEND), mode="nearest")  # so that blending adds no length
    shares = (best == np.arange(count)[:, None]).astype(np.float64)
    return np.asarray(convolve1d(shares, _BLEND, axis=1, mode="nearest"), np.float64)


def _noise(residual: Values, spread: Values, floor: float) -> Values:
    """Return the standard deviation of each coordinate's noise, which few frames don't change."""
    expected = np.sqrt(np.maximum(1.0 - spread, 1e-3))[:, None]
    found = _CONSISTENT * np.median(np.abs(residual) / expected, axis=0)
    return np.asarray(np.maximum(found, max(float(np.median(found)) / 2, floor)))


def _taken(values: Values, shares: Values, windows: Sequence[int]) -> Values:
    """Return the fits of the windows, each with its share."""
    made = np.zeros(values.shape, np.float64)
    for share, window in zip(shares, _windows(len(values), windows), strict=True):
        if share.any():
            made += share[:, None] * _fit(values, window)
    return made


def _fit(values: Values, window: int) -> Values:
    if window == 1:
        return np.asarray(values, np.float64)
    from scipy.signal import savgol_filter  # half a second to import

    return np.asarray(savgol_filter(values, window, _ORDER, axis=0, mode="interp"), np.float64)


def _variance(count: int, window: int) -> Values:
    """Return the variance of each frame's fit, as a share of that of the values."""
    if window == 1:
        return np.ones(count)
    steps = np.arange(window) - window // 2
    design = np.vander(steps, _ORDER + 1).astype(np.float64)
    hat = np.diag(design @ np.linalg.pinv(design))
    half = window // 2
    middle = np.full(count - 2 * half, hat[half])
    return np.concatenate([hat[:half], middle, hat[half + 1 :]])
