"""The face mesh as a surface: its triangles, their visibility, and weights over it."""

from __future__ import annotations

import functools
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from datagen.core.arrays import Mask, Mesh
from datagen.faces.geometry.mesh import MIRROR_478
from datagen.faces.masks import Canvas
from datagen.sources.procedural import template

__all__ = [
    "align_mesh",
    "below_nose",
    "draw",
    "facing",
    "inner_weight",
    "mirrored",
    "mouth_weight",
    "seen",
    "sideways",
    "triangles",
]

_POINTS = 468
_GRID = 160
_BEHIND = 0.04
_MOUTH = (13, 14)
_NOSE_BASE = 2


@functools.cache
def _canonical() -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    path = Path(template.__file__).with_name("canonical_face.npz")
    with np.load(path, allow_pickle=False) as data:
        return data["position"].astype(np.float64), data["triangles"].astype(np.int32)


def triangles() -> NDArray[np.int32]:
    """Return the ``(898, 3)`` triangles of the canonical face model, all with the same winding."""
    return _canonical()[1]


@functools.cache
def _border() -> NDArray[np.intp]:
    """Return the points at the mesh's border: those of edges that belong to one triangle only."""
    faces = triangles()
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    pairs, count = np.unique(edges, axis=0, return_counts=True)
    return np.unique(pairs[count == 1]).astype(np.intp)


@functools.cache
def sideways() -> NDArray[np.float64]:
    """Return how far each triangle is to the viewer's right on a neutral face, ``(898,)``.

    As a share of half the face's width at the same height: 0 = the midline, 1 = the border.
    """
    position, faces = _canonical()
    edge = position[_border()]
    edge = edge[edge[:, 0] > 0]
    edge = edge[np.argsort(edge[:, 1], kind="stable")]
    x, y, _ = position[faces].mean(axis=1).T
    return np.asarray(x / np.maximum(np.interp(y, edge[:, 1], edge[:, 0]), 1.5), np.float64)


@functools.cache
def below_nose() -> NDArray[np.bool_]:
    """Return which triangles are below the nose on a neutral face."""
    position, faces = _canonical()
    return np.asarray(position[faces, 1].mean(axis=1) < position[_NOSE_BASE, 1])


def facing(mesh: Mesh) -> NDArray[np.float64]:
    """Return twice each triangle's area in the image, > 0 where it faces the camera."""
    a, b, c = mesh[triangles(), :2].astype(np.float64).transpose(1, 0, 2)
    areas: NDArray[np.float64] = (b - a)[:, 1] * (c - a)[:, 0] - (b - a)[:, 0] * (c - a)[:, 1]
    return areas


def seen(mesh: Mesh) -> NDArray[np.bool_]:
    """Return which triangles are visible: they face the camera and their center is not occluded.

    Triangles are drawn from far to near on a grid of 160 x 160 cells (painter's algorithm).
    """
    faces, front = triangles(), facing(mesh) > 0
    low, high = mesh[:_POINTS, :2].min(axis=0), mesh[:_POINTS, :2].max(axis=0)
    scale = (_GRID - 1) / max(float((high - low).max()), 1e-6)
    flat = ((mesh[:, :2] - low) * scale).astype(np.float32)
    depth = mesh[faces, 2].mean(axis=1)
    drawn = np.full((_GRID, _GRID), -1, np.int16)
    for number in np.argsort(-depth, kind="stable").tolist():
        if front[number]:
            cv2.fillConvexPoly(drawn, np.rint(flat[faces[number]]).astype(np.int32), (number,))
    at = np.rint(flat[faces].mean(axis=1)).astype(int).clip(0, _GRID - 1)
    over = drawn[at[:, 1], at[:, 0]]
    behind = depth - depth[over] > _BEHIND * _GRID / scale
    return np.asarray(front & ~((over >= 0) & behind))


def align_mesh(mesh: Mesh, target: Mesh) -> Mesh:
    """Align one mesh with another by a similarity in space (Umeyama, PAMI 1991)."""
    p, q = mesh[:_POINTS].astype(np.float64), target[:_POINTS].astype(np.float64)
    p_mean, q_mean = p.mean(axis=0), q.mean(axis=0)
    left, size, right = np.linalg.svd((q - q_mean).T @ (p - p_mean))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    rotation = (left * sign) @ right
    scale = float((size * sign).sum()) / max(float(np.square(p - p_mean).sum()), 1e-9)
    moved = scale * (mesh.astype(np.float64) - p_mean) @ rotation.T + q_mean
    return np.asarray(moved, np.float32)


@functools.cache
def inner_weight() -> NDArray[np.float32]:
    """Return a weight per point, ``(478,)``: 0 at the mesh's border, 1 from 2.5 cm inside it."""
    position, border = _canonical()[0], _border()
    away = np.linalg.norm(position[:, None] - position[border][None], axis=2).min(axis=1)
    return _with_irises(np.clip(away / 2.5, 0, 1))


@functools.cache
def mouth_weight() -> NDArray[np.float32]:
    """Return a weight per point, ``(478,)``: 1 at the lips, falling to 0 at nose and chin."""
    position, _ = _canonical()
    middle = position[list(_MOUTH)].mean(axis=0)
    away = np.hypot((position[:, 0] - middle[0]) / 3.6, (position[:, 1] - middle[1]) / 2.2)
    return _with_irises(np.clip(1.8 - 1.2 * away, 0, 1))


def _with_irises(weight: NDArray[np.float64]) -> NDArray[np.float32]:
    both = weight[[159, 386]]  # centers of the upper lids
    return np.concatenate([weight, np.repeat(both, 5)]).astype(np.float32)


def mirrored(mesh: Mesh) -> Mesh:
    """Return the mesh with each point replaced by its partner on the other side of the face."""
    return np.ascontiguousarray(mesh[MIRROR_478])


def draw(mesh: Mesh, which: NDArray[np.bool_], canvas: Canvas) -> Mask:
    """Draw selected triangles on a canvas: 255 inside, 0 outside."""
    drawn = np.zeros((canvas.height, canvas.width), np.uint8)
    points = np.rint(canvas.points(mesh[:, :2]) * 16).astype(np.int32)
    for corners in points[triangles()[which]]:
        cv2.fillConvexPoly(drawn, corners, (255,), cv2.LINE_8, 4)
    return drawn
