"""Whether two faces are one face of one photograph: the rule, by pixels or by an embedder.

It decides about identities that share a photograph, and about copies of the images of minors. What
was decided is kept between runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from datagen.core.arrays import Image, Landmarks
from datagen.core.digests import sha256_bytes
from datagen.core.reading import probe
from datagen.engine import Engine, InlineEngine, run_all
from datagen.errors import ImageError, ItemError
from datagen.faces.analyzers.base import SAME_PERSON, SamePerson
from datagen.faces.indexing.cache import DecisionCache
from datagen.faces.indexing.clips import middle_image
from datagen.faces.indexing.likeness import same_face
from datagen.faces.landmarks import mirrored as turned
from datagen.sources.base import Source

__all__ = ["CompareFaces", "Pair", "Rows", "one_photograph"]

Rows: TypeAlias = "Sequence[Mapping[str, Any]]"
"""Rows of faces, as the index has them."""

Pair: TypeAlias = "tuple[int, int]"
"""Positions of two rows."""

_HERE = 32  # pairs that are compared without starting an engine
_CHUNK = 16
_ROUNDING = 1e-6  # of a cosine in single precision


def one_photograph(  # noqa: PLR0913
    sources: Mapping[str, Source],
    rows: Rows,
    landmarks: Landmarks,
    pairs: Sequence[Pair],
    engine: Callable[[], Engine],
    mirrored: bool | None = None,
    same_person: SamePerson = SAME_PERSON,
    limits: Mapping[str, float] | None = None,
) -> list[bool | None]:
    """Return for each pair whether it is one photograph; ``None`` if one cannot be read.

    Args:
        sources: Sources by card id.
        rows: Rows of faces.
        landmarks: Their landmarks.
        pairs: Positions of the rows to compare.
        engine: Returns the engine; called only when there are many pairs to compare.
        mirrored: Whether one face of a pair is mirrored before; ``None`` for the pairs of a whole
            index, of which all are asked at once.
        same_person: What the similarity of embeddings says.
        limits: The cosine from which on two faces of a source count as one person, where it is
            not that of photographs.
    """
    if not pairs:
        return []
    kind = {None: "", False: "minors", True: "mirrored"}[mirrored]
    if same_person.embedder:
        kind = f"{kind}+{same_person.embedder}"
    cache = DecisionCache(list(sources), kind)
    known = cache.load()
    names = [_pair_name(rows, landmarks, pair) for pair in pairs]
    # Not kept: the cosine that decides depends on who else is in a source.
    by_embedding = {
        name
        for pair, name in zip(pairs, names, strict=True)
        if _one_person(rows, pair, _limit(rows, pair, same_person, limits or {}))
    }
    missing = [n for n, name in enumerate(names) if name not in known and name not in by_embedding]
    task = CompareFaces(dict(sources), bool(mirrored))
    chunks = [
        tuple(_Compared(n, *(_sight(rows, landmarks, face) for face in pairs[n])) for n in part)
        for part in (missing[at : at + _CHUNK] for at in range(0, len(missing), _CHUNK))
    ]
    chosen = InlineEngine() if len(missing) <= _HERE else engine()
    try:
        for answers in run_all(chosen, task, chunks):
            known |= {names[n]: same for n, same in answers if same is not None}
    finally:
        if missing:
            asked = known if mirrored is not None else names
            cache.save({name: known[name] for name in asked if name in known})
    return [name in by_embedding or known.get(name) for name in names]


def _limit(rows: Rows, pair: Pair, same_person: SamePerson, limits: Mapping[str, float]) -> float:
    return max(limits.get(rows[face]["source"], same_person.cosine) for face in pair)


def _one_person(rows: Rows, pair: Pair, limit: float) -> bool:
    """Return whether the embeddings of two faces, if there are any, say that it is one person."""
    one, other = (rows[face]["embedding"] for face in pair)
    if one is None or other is None:
        return False
    first, second = np.asarray(one, np.float64), np.asarray(other, np.float64)
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    return bool(first @ second > limit * max(length, 1e-9) + _ROUNDING)


def _pair_name(rows: Rows, landmarks: Landmarks, pair: Pair) -> str:
    sides = (
        f"{rows[face]['sha256'][:24]}:{sha256_bytes(landmarks[face].tobytes())[:8]}"
        for face in pair
    )
    return " ".join(sorted(sides))


@dataclass(frozen=True, slots=True)
class _Sight:
    """Where a face is to be seen."""

    source: str
    image_id: str
    path: str
    landmarks: bytes
    middle: int | None


@dataclass(frozen=True, slots=True)
class _Compared:
    """A pair to be compared, by its number."""

    number: int
    first: _Sight
    second: _Sight


def _sight(rows: Rows, landmarks: Landmarks, face: int) -> _Sight:
    row = rows[face]
    place = row["source"], row["image_id"], row["path"]
    return _Sight(*place, landmarks[face].tobytes(), row.get("middle"))


@dataclass(frozen=True)
class CompareFaces:
    """A task that compares pairs of faces by their pixels.

    Attributes:
        sources: Sources by card id.
        mirrored: Whether the second of a pair is mirrored before.
    """

    sources: Mapping[str, Source]
    mirrored: bool = False

    def __call__(self, pairs: tuple[_Compared, ...]) -> list[tuple[int, bool | None]]:
        """See ``Task``; a pair of which an image cannot be read gets ``None``."""
        return [(pair.number, self._same(pair.first, pair.second)) for pair in pairs]

    def label(self, pairs: tuple[_Compared, ...]) -> str:
        """See ``Task``."""
        return f"images {pairs[0].first.image_id!r} and {pairs[0].second.image_id!r}"

    def _same(self, first: _Sight, second: _Sight) -> bool | None:
        try:
            one, other = self._pixels(first), self._pixels(second)
            points = _points(second)
            if self.mirrored:
                other, points = np.ascontiguousarray(other[:, ::-1]), turned(points, other.shape[1])
            return same_face(one, _points(first), other, points)
        except (OSError, ImageError):
            return None
        except ItemError:  # landmarks that coincide show no face
            return False

    def _pixels(self, sight: _Sight) -> Image:
        source = self.sources[sight.source]
        if sight.middle is not None:
            return middle_image(source, sight.image_id, sight.path, sight.middle)
        if source.has_files:
            return probe(source.read(sight.path)).image
        return source.render(sight.image_id)


def _points(sight: _Sight) -> Landmarks:
    return np.frombuffer(sight.landmarks, np.float32).reshape(68, 2)
