"""Pairs of images that may be one photograph: proposed from what the index knows of each face.

Two things survive what people do to photographs. The perceptual hash survives new encodings and
other sizes; the shape of the face, which knows no place and no size, survives crops as well. In the
London set, copies differ by at most 0.019 in shape, also if a fifth of the image was cut off or the
quality is 10; different people by at least 0.024. Pixels decide about every pair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from datagen.core.arrays import Landmarks
from datagen.faces.landmarks import LEFT_EYE, RIGHT_EYE

__all__ = ["NEAR", "Candidates", "face_shapes"]

Numbers = NDArray[np.int64]

NEAR = 7
"""Bits of 64 in which the hashes of a copy that was encoded anew or resized may differ."""

_NEAR_SHAPE = 0.04  # among images with near hashes
_EQUAL_SHAPE = 0.02  # among all others
_RENDERED = 1e-4  # shapes of rendered faces are exact

_AXES = 14
_FITTED = 20_000
_CHUNK = 2048
_ROWS, _COLUMNS = 64, 8192  # fit in the cache of a core
_MAX_CLOSE = 300_000_000
_SAMPLED = 500


def face_shapes(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return landmarks without place, size and in-plane rotation, ``(faces, 136)`` of norm 1.

    Args:
        landmarks: ``(faces, 68, 2)`` float32.
    """
    z = landmarks[..., 0].astype(np.float64) + 1j * landmarks[..., 1]
    z -= z.mean(axis=1, keepdims=True)
    eyes = z[:, LEFT_EYE].mean(axis=1) - z[:, RIGHT_EYE].mean(axis=1)
    z *= (np.conj(eyes) / np.maximum(np.abs(eyes), 1e-9))[:, None]
    z /= np.maximum(np.linalg.norm(z, axis=1), 1e-9)[:, None]
    return np.concatenate([z.real, z.imag], axis=1).astype(np.float32)


class Candidates:
    """The faces of an index, to propose pairs of different people that may be one photograph.

    Args:
        persons: Number of the identity of each face.
        landmarks: ``(faces, 68, 2)`` float32.
        hashes: Perceptual hash of each face's image, ``None`` where the pixels were not read.
        rendered: Whether each face is rendered: then its landmarks are exact.
    """

    def __init__(
        self,
        persons: Numbers,
        landmarks: Landmarks,
        hashes: list[str | None],
        rendered: NDArray[np.bool_],
    ) -> None:
        self._persons = persons
        self._shapes = face_shapes(landmarks)
        self._hashed = np.array([hash_ is not None for hash_ in hashes], bool)
        self._hashes = np.array([int(hash_ or "0", 16) for hash_ in hashes], np.uint64)
        self._rendered = rendered

    def pairs(self, most: int) -> tuple[NDArray[np.int64], bool]:
        """Return pairs of faces ``(pairs, 2)``, nearest shapes first, and whether all are there.

        Args:
            most: Number of pairs to return at most.
        """
        found, whole = [], True
        for first, second in self._by_hash():
            found.append(self._kept(first, second, self._near_hash))
        if not self.shapes_tell:
            whole = False
        else:
            for first, second in self._by_shape():
                found.append(self._kept(first, second, self._near_shape))
        both = np.concatenate([np.empty((0, 2), np.int64), *found])
        both = np.unique(both, axis=0)
        away = self._apart(both[:, 0], both[:, 1])
        order = np.argsort(np.round(away, 6), kind="stable")
        return both[order[:most]], whole and len(both) <= most

    def of(self, landmarks: Landmarks, hash_: str | None, rendered: bool) -> Numbers:
        """Return which of the faces may be one photograph with another face, nearest shapes first.

        Args:
            landmarks: The landmarks of the other face.
            hash_: Perceptual hash of its image, ``None`` where the pixels were not read.
            rendered: Whether it is rendered.
        """
        if not len(self._shapes):
            return np.empty(0, np.int64)
        shape = face_shapes(landmarks[None].astype(np.float32))[0]
        by_shape = np.empty(0, np.int64)
        if self.shapes_tell:
            reduced = shape.astype(np.float64) @ self._axes
            by_shape = np.array(self._tree.query_ball_point(reduced, _EQUAL_SHAPE), np.int64)
        away = self._away(by_shape, shape)
        exact = self._rendered[by_shape] & rendered
        by_shape = by_shape[away <= np.where(exact, _RENDERED, _EQUAL_SHAPE)]
        by_hash = np.empty(0, np.int64)
        if hash_ is not None:
            bits = np.bitwise_count(self._hashes ^ np.uint64(int(hash_, 16)))
            by_hash = np.flatnonzero(self._hashed & (bits <= NEAR))
            by_hash = by_hash[self._away(by_hash, shape) <= _NEAR_SHAPE]
        both = np.union1d(by_shape, by_hash).astype(np.int64)
        return both[np.argsort(np.round(self._away(both, shape), 6), kind="stable")]

    def _away(self, faces: Numbers, shape: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(np.linalg.norm(self._shapes[faces] - shape, axis=1), np.float32)

    def _kept(
        self, first: Numbers, second: Numbers, near: Callable[[Numbers, Numbers], NDArray[np.bool_]]
    ) -> Numbers:
        others = (first < second) & (self._persons[first] != self._persons[second])
        first, second = first[others], second[others]
        kept = near(first, second)
        return np.stack([first[kept], second[kept]], axis=1).astype(np.int64)

    def _near_hash(self, first: Numbers, second: Numbers) -> NDArray[np.bool_]:
        kept = self._bits(first, second) <= NEAR
        kept[kept] = self._apart(first[kept], second[kept]) <= _NEAR_SHAPE
        return kept

    def _near_shape(self, first: Numbers, second: Numbers) -> NDArray[np.bool_]:
        exact = self._rendered[first] & self._rendered[second]
        limit = np.where(exact, _RENDERED, _EQUAL_SHAPE)
        return np.asarray(self._apart(first, second) <= limit, np.bool_)

    def _bits(self, first: Numbers, second: Numbers) -> NDArray[np.uint8]:
        return np.asarray(np.bitwise_count(self._hashes[first] ^ self._hashes[second]), np.uint8)

    def _apart(self, first: Numbers, second: Numbers) -> NDArray[np.float32]:
        parts = [np.empty(0, np.float32)]
        for n in range(0, len(first), _CHUNK):
            one, other = (self._shapes[part[n : n + _CHUNK]] for part in (first, second))
            parts.append(np.linalg.norm(one - other, axis=1))
        return np.concatenate(parts)

    def _by_hash(self) -> Iterator[tuple[Numbers, Numbers]]:
        """Yield pairs of faces with near hashes.

        All are compared: hashes of portraits are so alike that an index of their parts is slower.
        """
        faces = np.flatnonzero(self._hashed)
        hashes = self._hashes[faces]
        for start in range(0, len(faces), _ROWS):
            rows = hashes[start : start + _ROWS, None]
            for left in range(start, len(faces), _COLUMNS):
                bits = np.bitwise_count(rows ^ hashes[None, left : left + _COLUMNS])
                first, second = np.divmod(np.flatnonzero(bits <= NEAR), bits.shape[1])
                yield faces[first + start], faces[second + left]

    def _by_shape(self) -> Iterator[tuple[Numbers, Numbers]]:
        """Yield pairs of faces whose shapes may be equal: near along the main axes of all."""
        reduced, tree = self._reduced, self._tree
        for start in range(0, len(reduced), _CHUNK):
            part = cKDTree(reduced[start : start + _CHUNK])
            near = part.sparse_distance_matrix(tree, _EQUAL_SHAPE, output_type="ndarray")
            yield near["i"].astype(np.int64) + start, near["j"].astype(np.int64)

    @cached_property
    def shapes_tell(self) -> bool:
        """Whether shapes are looked at: of drawn templates, too many are equal to tell anything."""
        reduced = self._reduced
        step = max(1, len(reduced) // _SAMPLED)
        sample = reduced[::step]
        close = cKDTree(sample).count_neighbors(self._tree, _EQUAL_SHAPE)
        return bool(close * step <= _MAX_CLOSE)

    @cached_property
    def _axes(self) -> NDArray[np.float64]:
        """The main axes of all shapes."""
        fitted = self._shapes[:: max(1, len(self._shapes) // _FITTED)].astype(np.float64)
        centered = fitted - fitted.mean(axis=0)
        axes = np.linalg.eigh(centered.T @ centered)[1][:, ::-1][:, :_AXES]
        return np.asarray(axes, np.float64)

    @cached_property
    def _reduced(self) -> NDArray[np.float64]:
        """The shapes along their main axes, in which none is farther from another than in all."""
        return np.asarray(self._shapes.astype(np.float64) @ self._axes, np.float64)

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self._reduced)
