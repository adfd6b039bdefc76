"""From which similarity on two faces are one person, where they aren't in photographs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from datagen.faces.analyzers.base import SamePerson
from datagen.faces.indexing.compare import Rows
from datagen.sources.base import Source

__all__ = ["SHARE", "different_people", "people_apart"]

SHARE = 0.999
"""Share of the pairs of different people that stay below the threshold."""

_MOST = 2000  # faces of a source that are compared with each other
_FEWEST = 100  # pairs


def different_people(embeddings: NDArray[np.float32], people: Sequence[object]) -> float | None:
    """Return the 99.9th percentile of the cosines of different people; ``None`` for few pairs.

    Args:
        embeddings: Embeddings, ``(n, d)``, of unit length.
        people: Whose each is.
    """
    codes = {person: code for code, person in enumerate(dict.fromkeys(people))}
    numbers = np.array([codes[person] for person in people])
    cosines = embeddings @ embeddings.T
    others = np.triu(numbers[:, None] != numbers[None], 1)
    if int(others.sum()) < _FEWEST:
        return None
    return float(np.quantile(cosines[others], SHARE, method="higher"))


def people_apart(
    sources: Sequence[Source], rows: Rows, same_person: SamePerson
) -> dict[str, float]:
    """Return the cosine for each source that isn't photographs, never below photographs'.

    An embedder was trained on photographs: rendered people resemble each other more in it.

    Args:
        sources: The sources.
        rows: Rows of the face index.
        same_person: What the similarity says of photographs.
    """
    found = {}
    for source in sources:
        if source.has_files and source.card.consent.basis != "synthetic":
            continue
        own = [row for row in rows if row["source"] == source.card.id and row["embedding"]]
        own = own[:: max(1, -(-len(own) // _MOST))]
        vectors = np.array([row["embedding"] for row in own], np.float32)
        measured = different_people(vectors, [row["identity"] for row in own]) if own else None
        # Without enough people nothing is claimed by similarity: the pixels decide.
        found[source.card.id] = 2.0 if measured is None else max(measured, same_person.cosine)
    return found
