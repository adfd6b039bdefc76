"""Which faces may lend to a target, and which one does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.hashing import rng
from datagen.plan.splits import Person
from datagen.recipe.schema import DonorRule

__all__ = ["DonorPool", "normal_shapes"]

# Of a larger pool the nearest are sought among this many, drawn for the target: an item then
# costs the same however many faces a split has.
_MOST_COMPARED = 8192


def normal_shapes(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return landmarks freed of place, size and in-plane turn, as rows.

    Args:
        landmarks: ``(faces, 68, 2)`` float32.

    Returns:
        ``(faces, 136)`` float32; each face centred, of unit size, its eyes level.
    """
    centred = landmarks.astype(np.float64) - landmarks.mean(axis=1, keepdims=True)
    z = centred[..., 0] + 1j * centred[..., 1]
    eyes = z[:, 42:48].mean(axis=1) - z[:, 36:42].mean(axis=1)
    z = z * (np.conj(eyes) / np.maximum(np.abs(eyes), 1e-9))[:, None]
    z = z / np.maximum(np.linalg.norm(z, axis=1), 1e-9)[:, None]
    return np.concatenate([z.real, z.imag], axis=1).astype(np.float32)


class DonorPool:
    """The faces of one split with what donor rules ask about them.

    Args:
        people: Whose each face is, by position in the pool.
        landmarks: ``(faces, 68, 2)`` float32.
        name: Names the draws that thin out a very large pool.
    """

    def __init__(self, people: Sequence[Person], landmarks: NDArray[np.float32], name: str) -> None:
        self._people = people
        self._name = name
        self._shapes = normal_shapes(landmarks)
        keys = [(person.source, person.identity) for person in people]
        codes = {key: code for code, key in enumerate(dict.fromkeys(keys))}
        self._identity = np.array([codes[key] for key in keys], np.int64)
        sources = {name: code for code, name in enumerate({p.source: None for p in people})}
        self._source = np.array([sources[person.source] for person in people], np.int64)
        self._attributes: dict[str, NDArray[np.int64]] = {}
        self._nearest = lru_cache(maxsize=4096)(self._find_nearest)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the cache behind."""
        return {key: value for key, value in self.__dict__.items() if key != "_nearest"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Start with an empty cache."""
        self.__dict__.update(state)
        self._nearest = lru_cache(maxsize=4096)(self._find_nearest)

    def candidates(self, target: int, rule: DonorRule) -> NDArray[np.int64]:
        """Return the positions of all faces that may lend to ``target`` under ``rule``."""
        others = (self._source == self._source[target]) & (self._identity != self._identity[target])
        fit = others.copy()
        for name in rule.same:
            values = self._attribute(name)
            fit &= (values == values[target]) & (values >= 0)
        if rule.otherwise == "any" and not fit.any():
            fit = others
        return np.flatnonzero(fit)

    def donor_counts(self, rule: DonorRule) -> NDArray[np.int64]:
        """Return for each face how many other faces may lend to it, without comparing pairs."""
        everyone = self._fitting(())
        if not rule.same:
            return everyone
        fit = self._fitting(rule.same)
        return np.where(fit == 0, everyone, fit) if rule.otherwise == "any" else fit

    def _fitting(self, same: tuple[str, ...]) -> NDArray[np.int64]:
        values = [self._attribute(name) for name in same]
        group = np.unique(np.stack([self._source, *values]), axis=1, return_inverse=True)[1]
        group = group.ravel().astype(np.int64)
        own = group * (int(self._identity.max()) + 1) + self._identity
        person = np.unique(own, return_inverse=True)[1].ravel()
        counts = np.bincount(group)[group] - np.bincount(person)[person]
        for value in values:
            counts = np.where(value < 0, 0, counts)
        return np.asarray(counts, np.int64)

    def draw(self, draws: np.random.Generator, target: int, rule: DonorRule) -> int | None:
        """Return the position of a donor, ``None`` when nobody fits."""
        found = (
            self._nearest(target, rule)
            if rule.choose == "nearest_landmarks"
            else self.candidates(target, rule)
        )
        return int(found[draws.integers(len(found))]) if len(found) else None

    def _find_nearest(self, target: int, rule: DonorRule) -> NDArray[np.int64]:
        found = self.candidates(target, rule)
        if len(found) > _MOST_COMPARED:
            draw = rng(self._name, target, "pool")
            found = np.sort(draw.choice(found, _MOST_COMPARED, replace=False))
        away = np.linalg.norm(self._shapes[found] - self._shapes[target], axis=1)
        # Rounded, so that a last bit does not decide; ties go by position.
        order = np.argsort(np.round(away, 6), kind="stable")
        return found[order[: rule.of]]

    def _attribute(self, name: str) -> NDArray[np.int64]:
        if name not in self._attributes:
            values = [person.attribute(name) for person in self._people]
            codes = {value: code for code, value in enumerate(dict.fromkeys(values))}
            self._attributes[name] = np.array(
                [-1 if value is None else codes[value] for value in values], np.int64
            )
        return self._attributes[name]
