"""Which faces may be the donor of a target, and which one is drawn."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datagen.core.rng import rng
from datagen.core.spelling import spelling
from datagen.faces.landmarks import LEFT_EYE, RIGHT_EYE
from datagen.planning.mixing import Mixing
from datagen.planning.splits import Identity
from datagen.recipe.schema import DonorRule

__all__ = ["DonorPool", "looks", "more_donors", "normal_shapes"]

# In a larger pool, the nearest faces are searched for among this many, drawn for each target, so
# that the cost of an item does not grow with the split.
_MAX_COMPARED = 8192


def more_donors(rules: Iterable[DonorRule | None], refused: bool) -> str:
    """Return what to do about targets with few donors, as a sentence without a full stop.

    Args:
        rules: Rules of the methods concerned; ``None`` is a method that states none.
        refused: Whether the recipe is refused for it, so that a fallback would help.
    """
    limits = sorted({key for rule in rules if rule is not None for key in rule.limits})
    if not limits:
        return "Add identities: a donor is another identity of the target's split and source"
    fallback = ", set 'fallback: any'" if refused else ""
    return f"Relax {' and '.join(map(repr, limits))}{fallback} or add identities"


def normal_shapes(landmarks: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return landmarks normalized for position, size and in-plane rotation, one face a row.

    Args:
        landmarks: ``(faces, 68, 2)`` float32.

    Returns:
        ``(faces, 136)`` float32; each face is centered, of unit norm, with its eyes level.
    """
    centered = landmarks.astype(np.float64) - landmarks.mean(axis=1, keepdims=True)
    z = centered[..., 0] + 1j * centered[..., 1]
    eyes = z[:, LEFT_EYE].mean(axis=1) - z[:, RIGHT_EYE].mean(axis=1)
    z = z * (np.conj(eyes) / np.maximum(np.abs(eyes), 1e-9))[:, None]
    z = z / np.maximum(np.linalg.norm(z, axis=1), 1e-9)[:, None]
    return np.concatenate([z.real, z.imag], axis=1).astype(np.float32)


def looks(landmarks: NDArray[np.float32], poses: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return pose and expression, one face a row, scaled so that both weigh about the same.

    Args:
        landmarks: ``(faces, 68, 2)`` float32.
        poses: ``(faces, 2)`` yaw and pitch in degrees; an unknown pose counts as frontal.

    Returns:
        ``(faces, 5)`` float32: yaw and pitch in units of 10 degrees; opening of the mouth, width of
        the mouth and opening of the eyes in tenths of the distance between the eyes.
    """
    marks = landmarks.astype(np.float64)
    eyes = marks[:, LEFT_EYE].mean(axis=1) - marks[:, RIGHT_EYE].mean(axis=1)
    unit = np.maximum(np.linalg.norm(eyes, axis=1), 1e-9) / 10

    def apart(first: int, second: int) -> NDArray[np.float64]:
        return np.asarray(np.linalg.norm(marks[:, first] - marks[:, second], axis=1) / unit)

    lids = (apart(37, 41) + apart(38, 40) + apart(43, 47) + apart(44, 46)) / 4
    turned = np.zeros((len(marks), 2)) if poses is None else np.nan_to_num(poses) / 10
    return np.column_stack([turned, apart(62, 66), apart(48, 54), lids]).astype(np.float32)


class DonorPool:
    """The faces of one split, with what donor rules need to know about them.

    Args:
        identities: Identity of each face, by position in the pool.
        landmarks: ``(faces, 68, 2)`` float32.
        name: Name of the random stream that thins out a very large pool.
        poses: ``(faces, 2)`` float32, yaw and pitch in degrees; NaN where unknown.
        embeddings: ``(faces, d)`` float32 of unit norm; without them, ``embedding`` of a donor
            rule is ignored.
        motions: ``(faces, d)`` float32, how each face of a video moves; without them,
            ``nearest_motion`` goes by pose and expression.
    """

    def __init__(
        self,
        identities: Sequence[Identity],
        landmarks: NDArray[np.float32],
        name: str,
        poses: NDArray[np.float32] | None = None,
        embeddings: NDArray[np.float32] | None = None,
        motions: NDArray[np.float32] | None = None,
    ) -> None:
        self._identities = identities
        self._name = name
        self._shapes = normal_shapes(landmarks)
        self._looks = looks(landmarks, poses)
        self._motions = self._looks if motions is None else motions
        self._embeddings = embeddings
        keys = [identity.group for identity in identities]
        codes = {key: code for code, key in enumerate(dict.fromkeys(keys))}
        self._identity = np.array([codes[key] for key in keys], np.int64)
        names = [identity.source for identity in identities]
        sources = {name: code for code, name in enumerate(dict.fromkeys(names))}
        self._source = np.array([sources[name] for name in names], np.int64)
        self._attributes: dict[str, NDArray[np.int64]] = {}
        self._may_donate: NDArray[np.bool_] | None = None
        self._mixing: Mixing | None = None
        self._nearest = lru_cache(maxsize=4096)(self._find_nearest)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the cache behind."""
        return {key: value for key, value in self.__dict__.items() if key != "_nearest"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Start with an empty cache."""
        self.__dict__.update(state)
        self._nearest = lru_cache(maxsize=4096)(self._find_nearest)

    def limited_to(self, identities: frozenset[str]) -> DonorPool:
        """Return the same pool with only these identities, as ``source/name``, as donors."""
        pool = copy.copy(self)
        known = set(map(spelling, identities))
        named = [spelling(str(identity)) in known for identity in self._identities]
        pool._may_donate = np.array(named, bool)
        return pool

    def mixed_by(self, mixing: Mixing) -> DonorPool:
        """Return the same pool with only donors whose terms may be combined with the target's."""
        pool = copy.copy(self)
        pool._mixing = mixing
        return pool

    def candidates(self, target: int, rule: DonorRule) -> NDArray[np.int64]:
        """Return the positions of all faces that may be the donor of ``target`` under ``rule``."""
        others = (self._source == self._source[target]) & (self._identity != self._identity[target])
        if self._may_donate is not None:
            others &= self._may_donate
        if self._mixing is not None:
            others &= self._mixing.of_target(target)
        fit = others.copy()
        for name in rule.match:
            values = self._attribute(name)
            fit &= (values == values[target]) & (values >= 0)
        if rule.embedding is not None and self._embeddings is not None:
            low, high = rule.embedding
            # Rounded, so that the last bit does not decide.
            alike = np.round(self._embeddings @ self._embeddings[target], 4)
            fit &= (alike >= low) & (alike <= high)
        if rule.fallback == "any" and not fit.any():
            fit = others
        return np.flatnonzero(fit)

    def donor_counts(self, rule: DonorRule) -> NDArray[np.int64]:
        """Return the number of possible donors of each face."""
        by_likeness = rule.embedding is not None and self._embeddings is not None
        if by_likeness or self._may_donate is not None:  # depends on the pair
            return np.array([len(self.candidates(n, rule)) for n in range(len(self._identities))])
        all_others = self._combinable(())
        if not rule.match:
            return all_others
        fit = self._combinable(rule.match)
        return np.where(fit == 0, all_others, fit) if rule.fallback == "any" else fit

    def _combinable(self, same: tuple[str, ...]) -> NDArray[np.int64]:
        """Count for each face the others with the same attributes that it may be combined with."""
        if self._mixing is None:
            return self._matching(same)
        kinds, together = self._mixing.kinds, self._mixing.together
        counts = np.zeros(len(kinds), np.int64)
        for kind in range(len(together)):
            counts += together[kinds, kind] * self._matching(same, kinds == kind)
        return counts

    def _matching(
        self, same: tuple[str, ...], among: NDArray[np.bool_] | None = None
    ) -> NDArray[np.int64]:
        values = [self._attribute(name) for name in same]
        group = np.unique(np.stack([self._source, *values]), axis=1, return_inverse=True)[1]
        group = group.ravel().astype(np.int64)
        own = group * (int(self._identity.max()) + 1) + self._identity
        identity = np.unique(own, return_inverse=True)[1].ravel()
        counts = np.bincount(group, among)[group] - np.bincount(identity, among)[identity]
        for value in values:
            counts = np.where(value < 0, 0, counts)
        return np.asarray(counts, np.int64)

    def draw(self, draws: np.random.Generator, target: int, rule: DonorRule) -> int | None:
        """Return the position of a donor; ``None`` if no face satisfies the rule."""
        found = (
            self.candidates(target, rule)
            if rule.strategy == "random"
            else self._nearest(target, rule)
        )
        return int(found[draws.integers(len(found))]) if len(found) else None

    def _find_nearest(self, target: int, rule: DonorRule) -> NDArray[np.int64]:
        found = self.candidates(target, rule)
        if len(found) > _MAX_COMPARED:
            draw = rng(self._name, target, "pool")
            found = np.sort(draw.choice(found, _MAX_COMPARED, replace=False))
        traits = {"nearest_pose": self._looks, "nearest_motion": self._motions}.get(
            rule.strategy, self._shapes
        )
        away = np.linalg.norm(traits[found] - traits[target], axis=1)
        # Rounded, so that the last bit does not decide; ties go by position.
        order = np.argsort(np.round(away, 6), kind="stable")
        return found[order[: rule.pool_size]]

    def _attribute(self, name: str) -> NDArray[np.int64]:
        if name not in self._attributes:
            values = [identity.attribute(name) for identity in self._identities]
            codes = {value: code for code, value in enumerate(dict.fromkeys(values))}
            self._attributes[name] = np.array(
                [-1 if value is None else codes[value] for value in values], np.int64
            )
        return self._attributes[name]
