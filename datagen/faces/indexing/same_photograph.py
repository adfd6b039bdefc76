"""One photograph under two names: both identities go to one split, and the user is told.

Equal bytes count at once. Other pairs are proposed by ``candidates`` and decided by the pixels of
the aligned faces, or by an embedder. What was decided is kept between runs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from datagen.core.arrays import Box, Image, Landmarks
from datagen.core.digests import sha256_bytes
from datagen.core.reading import probe
from datagen.engine import Engine, InlineEngine, run_all
from datagen.errors import ImageError, ItemError
from datagen.faces.indexing.cache import DecisionCache
from datagen.faces.indexing.candidates import Candidates
from datagen.faces.indexing.likeness import same_face
from datagen.sources.base import Source

__all__ = ["SamePhotographs", "same_photographs"]

Rows: TypeAlias = "Sequence[Mapping[str, Any]]"
Pair: TypeAlias = "tuple[int, int]"

_MAX_PAIRS = 1_000_000
_SAME_PERSON = 0.6  # cosine similarity; ArcFace embeddings of two people stay below 0.4
_SAME_PLACE = 0.3  # intersection over union of the boxes of one face in one file
_HERE = 32  # pairs that are compared without starting an engine
_CHUNK = 16


@dataclass(frozen=True, slots=True)
class SamePhotographs:
    """Pairs of rows of different identities that show one photograph.

    Attributes:
        pairs: Positions of the rows.
        complete: Whether every pair that was proposed has been compared.
        unread: Number of pairs of which an image could not be read.
    """

    pairs: tuple[Pair, ...]
    complete: bool
    unread: int


def same_photographs(
    sources: Sequence[Source], rows: Rows, engine: Callable[[], Engine]
) -> SamePhotographs:
    """Return the pairs of faces of different identities that are one photograph.

    Args:
        sources: The sources of the rows.
        rows: Rows of the face index.
        engine: Returns the engine; called only when there are many pairs to compare.
    """
    by_id = {source.card.id: source for source in sources}
    keys = [(row["source"], row["identity"]) for row in rows]
    codes = {key: code for code, key in enumerate(dict.fromkeys(keys))}
    if len(codes) < 2:
        return SamePhotographs((), True, 0)
    persons = np.array([codes[key] for key in keys], np.int64)
    landmarks = np.array([row["landmarks"] for row in rows], np.float32).reshape(-1, 68, 2)
    rendered = np.array([not by_id[row["source"]].has_files for row in rows], bool)
    found = set(_equal_bytes(rows, persons))
    proposed, complete = Candidates(
        persons, landmarks, [row["phash"] for row in rows], rendered
    ).pairs(_MAX_PAIRS)
    open_ = [
        (first, second)
        for first, second in proposed.tolist()
        if rows[first]["sha256"] != rows[second]["sha256"]
    ]
    decided = _decided(by_id, rows, landmarks, open_, engine)
    found |= {pair for pair, same in zip(open_, decided, strict=True) if same}
    return SamePhotographs(tuple(sorted(found)), complete, decided.count(None))


def _equal_bytes(rows: Rows, persons: Any) -> Iterator[Pair]:
    """Yield pairs of rows whose files have equal bytes and whose faces are at one place in them."""
    by_bytes: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        by_bytes[row["sha256"]].append(number)
    for members in by_bytes.values():
        kept: list[int] = []  # one of each face and person, so that many copies cost little
        for number in members:
            same = [one for one in kept if _one_place(rows[one]["box"], rows[number]["box"])]
            yield from ((one, number) for one in same[:1] if persons[one] != persons[number])
            if not same:
                kept.append(number)


def _one_place(first: Box, second: Box) -> bool:
    low = np.maximum(first[:2], second[:2])
    high = np.minimum(first[2:], second[2:])
    both = float(np.prod(np.maximum(high - low, 0.0)))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return both >= _SAME_PLACE * max(float(sum(areas)) - both, 1e-9)


def _decided(
    sources: Mapping[str, Source],
    rows: Rows,
    landmarks: Landmarks,
    pairs: Sequence[Pair],
    engine: Callable[[], Engine],
) -> list[bool | None]:
    """Return for each pair whether it is one photograph; ``None`` if one cannot be read."""
    if not pairs:
        return []
    cache = DecisionCache(list(sources))
    known = cache.load()
    names = [_pair_name(rows, landmarks, pair) for pair in pairs]
    for pair, name in zip(pairs, names, strict=True):
        if name not in known and _one_person(rows, pair):
            known[name] = True
    missing = [n for n, name in enumerate(names) if name not in known]
    task = CompareFaces(dict(sources))
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
            cache.save({name: known[name] for name in names if name in known})
    return [known.get(name) for name in names]


def _one_person(rows: Rows, pair: Pair) -> bool:
    """Return whether the embeddings of two faces, if there are any, say that it is one person."""
    one, other = (rows[face]["embedding"] for face in pair)
    if one is None or other is None:
        return False
    first, second = np.asarray(one, np.float64), np.asarray(other, np.float64)
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    return bool(first @ second >= _SAME_PERSON * max(length, 1e-9))


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


@dataclass(frozen=True, slots=True)
class _Compared:
    """A pair to be compared, by its number."""

    number: int
    first: _Sight
    second: _Sight


def _sight(rows: Rows, landmarks: Landmarks, face: int) -> _Sight:
    row = rows[face]
    return _Sight(row["source"], row["image_id"], row["path"], landmarks[face].tobytes())


@dataclass(frozen=True)
class CompareFaces:
    """A task that compares pairs of faces by their pixels."""

    sources: Mapping[str, Source]

    def __call__(self, pairs: tuple[_Compared, ...]) -> list[tuple[int, bool | None]]:
        """See ``Task``; a pair of which an image cannot be read gets ``None``."""
        return [(pair.number, self._same(pair.first, pair.second)) for pair in pairs]

    def label(self, pairs: tuple[_Compared, ...]) -> str:
        """See ``Task``."""
        return f"images {pairs[0].first.image_id!r} and {pairs[0].second.image_id!r}"

    def _same(self, first: _Sight, second: _Sight) -> bool | None:
        try:
            one, other = self._pixels(first), self._pixels(second)
            return same_face(one, _points(first), other, _points(second))
        except (OSError, ImageError):
            return None
        except ItemError:  # landmarks that coincide show no face
            return False

    def _pixels(self, sight: _Sight) -> Image:
        source = self.sources[sight.source]
        if source.has_files:
            return probe(source.read(sight.path)).image
        return source.render(sight.image_id)


def _points(sight: _Sight) -> Landmarks:
    return np.frombuffer(sight.landmarks, np.float32).reshape(68, 2)
