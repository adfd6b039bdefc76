"""Foreign kinds that put one face into another: clone, morph, splice, self-blend."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from datagen.faces.face import FaceCrop

from .geometry import (
    PARTS,
    Array,
    bounds,
    face_polygon,
    feather,
    fill,
    framed,
    mix,
    part_polygon,
    shifted,
    warp,
    width_of,
)

__all__ = ["mean_morph", "self_blend_paper", "splice", "swap_clone"]

Images = tuple[Any, Any, Any]

_RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)


def swap_clone(face: FaceCrop, donor: FaceCrop, rng: np.random.Generator) -> Images:
    """Warp the donor's face to the landmarks and clone it with ``cv2.seamlessClone``."""
    shape = face.image.shape
    moved = warp(donor.image, framed(donor.landmarks, shape), framed(face.landmarks, shape))
    polygon = face_polygon(face.landmarks, rng.uniform(0, 0.12))
    mask = fill(polygon, shape, -2)
    mask[[0, 1, -2, -1]] = mask[:, [0, 1, -2, -1]] = 0  # a clone needs a border around it
    x, y, width, height = bounds(mask)
    center = (x + width // 2, y + height // 2)

    def cloned(content: Array) -> Array:
        whole = np.clip(np.rint(content), 0, 255).astype(np.uint8)
        stencil = (mask * 255).astype(np.uint8)
        made = cv2.seamlessClone(whole, face.image.copy(), stencil, center, cv2.NORMAL_CLONE)
        return np.asarray(made, np.uint8)

    return face.image, cloned(moved), cloned(shifted(face.image, rng))


def mean_morph(face: FaceCrop, donor: FaceCrop, rng: np.random.Generator) -> Images:
    """Warp both faces to the mean of their shapes and average them, whole image or face only."""
    shape = face.image.shape
    share = rng.uniform(0.4, 0.6)
    own, other = framed(face.landmarks, shape), framed(donor.landmarks, shape)
    mean = own * (1 - share) + other * share
    first, second = warp(face.image, own, mean), warp(donor.image, other, mean)
    polygon = face_polygon(mean[:68], 0.1)
    mask = feather(fill(polygon, shape, 2), 0.04 * width_of(face.landmarks))
    second = _toned(second, first, mask)
    made = mix(first, first * (1 - share) + second * share, mask)
    control = np.clip(np.rint(shifted(face.image, rng)), 0, 255).astype(np.uint8)
    return face.image, made, control


def splice(face: FaceCrop, donor: FaceCrop, rng: np.random.Generator) -> Images:
    """Paste a part of the donor's face with a hard edge; only its mean color is matched."""
    shape = face.image.shape
    matrix, _ = cv2.estimateAffinePartial2D(
        donor.landmarks.astype(np.float64), face.landmarks.astype(np.float64), method=cv2.LMEDS
    )
    moved = cv2.warpAffine(
        donor.image.astype(np.float32),
        matrix,
        (shape[1], shape[0]),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    mask = _stencil(face, rng)
    inside = mask > 0
    under = face.image[inside].astype(np.float32).mean(axis=0)
    matched = moved + (under - moved[inside].mean(axis=0)) * rng.uniform(0.5, 1)
    control = mix(face.image, shifted(face.image, rng), mask)
    return face.image, mix(face.image, matched, mask), control


def _stencil(face: FaceCrop, rng: np.random.Generator) -> Array:
    """Return a hard mask: the hull of the face or of a part, its box, or an ellipse in it."""
    names = ["face", *PARTS]
    part = names[rng.integers(len(names))]
    points = face.landmarks
    polygon = face_polygon(points, 0.05) if part == "face" else part_polygon(points, part)
    grow = 0 if part == "face" else 0.04 * width_of(points)
    mask = fill(polygon, face.image.shape, grow)
    form = rng.integers(3)
    x, y, width, height = bounds(mask)
    if form == 1:
        mask[y : y + height, x : x + width] = 1
    elif form == 2:
        drawn = np.zeros(mask.shape, np.uint8)
        middle, axes = (x + width // 2, y + height // 2), (width // 2 + 1, height // 2 + 1)
        cv2.ellipse(drawn, middle, axes, 0, 0, 360, 1, -1)
        mask = drawn.astype(np.float32)
    return mask


def self_blend_paper(face: FaceCrop, donor: FaceCrop, rng: np.random.Generator) -> Images:
    """Blend two views of one face, by the equations of Shiohara and Yamasaki (CVPR 2022).

    ``I = I_s * (r M) + I_t * (1 - r M)``: source or target is transformed in color and frequency,
    the source is also resized and moved, and the mask is the hull, bent, smoothed twice and
    multiplied by ``r``. The ranges of the transforms are chosen here. The real is ``I_t``.
    """
    source = target = face.image
    altered = _transformed(face.image, rng)
    if rng.random() < 0.5:
        source = altered
    else:
        target = altered
    height, width = face.image.shape[:2]
    scale_x, scale_y = rng.uniform(0.95, 1.05, 2)
    shift_x, shift_y = rng.uniform(-0.03, 0.03) * width, rng.uniform(-0.015, 0.015) * height
    matrix = np.array(
        [
            [scale_x, 0, (1 - scale_x) * (width - 1) / 2 + shift_x],
            [0, scale_y, (1 - scale_y) * (height - 1) / 2 + shift_y],
        ]
    )
    moved = cv2.warpAffine(
        source.astype(np.float32),
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    mask = _mask_of_paper(face, rng) * _RATIOS[rng.integers(len(_RATIOS))]
    control = mix(target, shifted(target, rng), mask)
    return target, mix(target, moved, mask), control


def _transformed(image: Array, rng: np.random.Generator) -> Array:
    """Shift color, saturation and contrast, then sharpen or reduce and enlarge again."""
    made = image.astype(np.float32) + rng.uniform(-20, 20, 3).astype(np.float32)
    gray = made.mean(axis=2, keepdims=True)
    made = gray + (made - gray) * np.float32(rng.uniform(0.7, 1.3))
    made = (made - 127.5) * np.float32(rng.uniform(0.85, 1.15)) + 127.5
    made = np.clip(made + np.float32(rng.uniform(-15, 15)), 0, 255).astype(np.float32)
    if rng.random() < 0.5:
        made = made + np.float32(rng.uniform(0.3, 1)) * (made - cv2.GaussianBlur(made, (0, 0), 1.2))
    else:
        height, width = made.shape[:2]
        by = rng.choice([2, 4])
        small = cv2.resize(made, (width // by, height // by), interpolation=cv2.INTER_AREA)
        ways = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
        made = cv2.resize(small, (width, height), interpolation=ways[rng.integers(3)])
    return np.asarray(np.clip(np.rint(made), 0, 255), np.uint8)


def _mask_of_paper(face: FaceCrop, rng: np.random.Generator) -> Array:
    shape, unit = face.image.shape, width_of(face.landmarks)
    mask = fill(face_polygon(face.landmarks, rng.uniform(0, 0.2)), shape)
    noise = rng.uniform(-1, 1, (2, *shape[:2])).astype(np.float32)
    bend = [cv2.GaussianBlur(plane, (0, 0), 0.06 * unit) for plane in noise]
    reach = rng.uniform(0.01, 0.06) * unit
    columns, rows = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    field = [
        grid.astype(np.float32) + plane / max(float(np.abs(plane).max()), 1e-6) * np.float32(reach)
        for grid, plane in zip((columns, rows), bend, strict=True)
    ]
    mask = cv2.remap(mask, field[0], field[1], cv2.INTER_LINEAR)
    first, second = rng.uniform(0.01, 0.06, 2) * unit
    mask = cv2.GaussianBlur(np.asarray(mask, np.float32), (0, 0), first)
    mask[mask < 1 - 1e-3] = 0  # eroded if the first is the larger, else dilated
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), second), np.float32)


def _toned(image: Array, like: Array, mask: Array) -> Array:
    inside = mask > 0.5
    own, other = image[inside], like[inside]
    gain = other.std(axis=0) / np.maximum(own.std(axis=0), 1)
    return np.asarray(
        (image - own.mean(axis=0)) * np.clip(gain, 0.7, 1.4) + other.mean(axis=0), np.float32
    )
