"""One photograph under two names: both identities go to one split, and the user is told.

Equal bytes count at once. Other pairs are proposed by ``candidates`` and decided in ``compare``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datagen.core.arrays import Box
from datagen.engine import Engine
from datagen.faces.analyzers.base import SAME_PERSON, SamePerson
from datagen.faces.indexing.apart import people_apart
from datagen.faces.indexing.candidates import Candidates
from datagen.faces.indexing.compare import Pair, Rows, one_photograph
from datagen.sources.base import Source

__all__ = ["SamePhotographs", "same_photographs"]

_MAX_PAIRS = 1_000_000
_SAME_PLACE = 0.3  # intersection over union of the boxes of one face in one file


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
    sources: Sequence[Source],
    rows: Rows,
    engine: Callable[[], Engine],
    same_person: SamePerson = SAME_PERSON,
) -> SamePhotographs:
    """Return the pairs of faces of different identities that are one photograph.

    Args:
        sources: The sources of the rows.
        rows: Rows of the face index.
        engine: Returns the engine; called only when there are many pairs to compare.
        same_person: What the similarity of embeddings says.
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
    limits = people_apart(sources, rows, same_person)
    decided = one_photograph(
        by_id, rows, landmarks, open_, engine, same_person=same_person, limits=limits
    )
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
