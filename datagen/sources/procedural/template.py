"""The neutral average face: points, texture coordinates, topology and its subdivision.

``canonical_face.npz`` holds the 468 points, texture coordinates and 898 triangles of the
canonical face model that MediaPipe publishes with its face geometry module under
Apache-2.0 (The MediaPipe Authors). It is an average shape, not that of a real person.
Axes: x to the viewer's right, y up, z toward the viewer, in centimeters.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .arrays import F64, I64

EYE_RIGHT = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
EYE_LEFT = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
MOUTH = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
LIPS = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)

SKIN, RIGHT_EYE, LEFT_EYE, MOUTH_HOLE = 0, 1, 2, 3

_HOLES = ((EYE_RIGHT, RIGHT_EYE), (EYE_LEFT, LEFT_EYE), (MOUTH, MOUTH_HOLE))


@dataclass(frozen=True, slots=True)
class Template:
    """The control mesh and, one Loop subdivision finer, the surface that is drawn.

    Attributes:
        position: (468, 3) control points in cm.
        uv: (468, 2) texture coordinates, v down.
        source: (1833, 12) control points that each fine point depends on.
        weight: (1833, 12) their weights; the first 468 fine points are the control points.
        fine_uv: (1833, 2) texture coordinates of the fine points.
        triangles: (3592, 3) fine triangles, counter-clockwise seen from outside.
        material: (3592,) SKIN, RIGHT_EYE, LEFT_EYE or MOUTH_HOLE.
        border: (72,) fine points around the face, from the top over the viewer's right.
    """

    position: F64
    uv: F64
    source: I64
    weight: F64
    fine_uv: F64
    triangles: I64
    material: I64
    border: I64

    def refine(self, points: F64) -> F64:
        """Control values (468, k) to fine values (1833, k), summed in a fixed order."""
        out = self.weight[:, 0, None] * points[self.source[:, 0]]
        for slot in range(1, self.source.shape[1]):
            out = out + self.weight[:, slot, None] * points[self.source[:, slot]]
        return np.asarray(out, np.float64)


def _edge(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)


def _opposites(triangles: I64) -> dict[tuple[int, int], list[int]]:
    """Each edge with the one or two points opposite it."""
    found: dict[tuple[int, int], list[int]] = {}
    for a, b, c in triangles.tolist():
        for p, q, r in ((a, b, c), (b, c, a), (c, a, b)):
            found.setdefault(_edge(p, q), []).append(r)
    return found


def _materials(triangles: I64) -> I64:
    material = np.zeros(len(triangles), np.int64)
    for ring, name in _HOLES:
        material[np.isin(triangles, ring).all(axis=1)] = name
    return material


def _creases(opposite: dict[tuple[int, int], list[int]]) -> set[tuple[int, int]]:
    """Edges that stay sharp: the outer border, the lids and the inner lips."""
    sharp = {edge for edge, points in opposite.items() if len(points) == 1}
    for ring, _ in _HOLES:
        sharp |= {_edge(a, b) for a, b in zip(ring, ring[1:] + ring[:1], strict=True)}
    return sharp


def _even_rules(
    opposite: dict[tuple[int, int], list[int]], sharp: set[tuple[int, int]], count: int
) -> list[dict[int, float]]:
    neighbors: list[list[int]] = [[] for _ in range(count)]
    sharp_neighbors: list[list[int]] = [[] for _ in range(count)]
    for a, b in sorted(opposite):
        neighbors[a].append(b)
        neighbors[b].append(a)
        if (a, b) in sharp:
            sharp_neighbors[a].append(b)
            sharp_neighbors[b].append(a)
    rules: list[dict[int, float]] = []
    for point in range(count):
        crease = sharp_neighbors[point]
        if len(crease) == 2:
            rules.append({point: 0.75, crease[0]: 0.125, crease[1]: 0.125})
            continue
        around = neighbors[point]
        beta = 3.0 / 16.0 if len(around) == 3 else 3.0 / (8.0 * len(around))
        rules.append({point: 1.0 - beta * len(around), **dict.fromkeys(around, beta)})
    return rules


def _pad(rules: Iterable[dict[int, float]]) -> tuple[I64, F64]:
    table = [sorted(rule.items()) for rule in rules]
    width = max(len(row) for row in table)
    source = np.zeros((len(table), width), np.int64)
    weight = np.zeros((len(table), width), np.float64)
    for index, row in enumerate(table):
        source[index, : len(row)] = [point for point, _ in row]
        weight[index, : len(row)] = [value for _, value in row]
    return source, weight


def _subdivide(triangles: I64, count: int) -> tuple[I64, F64, I64]:
    """One step of Loop's scheme (C. Loop, 1987) with creases."""
    opposite = _opposites(triangles)
    sharp = _creases(opposite)
    rules = _even_rules(opposite, sharp, count)
    middle: dict[tuple[int, int], int] = {}
    for edge in sorted(opposite):
        middle[edge] = count + len(middle)
        a, b = edge
        if edge in sharp:
            rules.append({a: 0.5, b: 0.5})
        else:
            c, d = opposite[edge]
            rules.append({a: 0.375, b: 0.375, c: 0.125, d: 0.125})
    fine = []
    for a, b, c in triangles.tolist():
        ab, bc, ca = middle[_edge(a, b)], middle[_edge(b, c)], middle[_edge(c, a)]
        fine += [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
    source, weight = _pad(rules)
    return source, weight, np.array(fine, np.int64)


def _border(triangles: I64) -> I64:
    """The outer loop of the fine mesh, starting at the top of the forehead."""
    following: dict[int, list[int]] = {}
    for (a, b), points in _opposites(triangles).items():
        if len(points) == 1:
            following.setdefault(a, []).append(b)
            following.setdefault(b, []).append(a)
    loop = [10]
    current, previous = max(following[10]), 10
    while current != 10:
        loop.append(current)
        current, previous = next(n for n in following[current] if n != previous), current
    return np.array(loop, np.int64)


@functools.cache
def template() -> Template:
    """The template, read and subdivided once per process."""
    path = Path(__file__).with_name("canonical_face.npz")
    with np.load(path, allow_pickle=False) as data:
        position = data["position"].astype(np.float64)
        uv = data["uv"].astype(np.float64)
        triangles = data["triangles"].astype(np.int64)
    source, weight, fine = _subdivide(triangles, len(position))
    border = _border(fine)
    fine_uv = np.zeros((len(source), 2))
    for slot in range(source.shape[1]):
        fine_uv += weight[:, slot, None] * uv[source[:, slot]]
    fine_position = (weight[:, :, None] * position[source]).sum(axis=1)
    if fine_position[border[1], 0] < 0.0:
        border = np.concatenate([border[:1], border[:0:-1]])
    material = np.repeat(_materials(triangles), 4)
    return Template(position, uv, source, weight, fine_uv, fine, material, border)
