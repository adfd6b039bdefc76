"""Whom the fakes of each method resemble, from the rows of a release with an embedder."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from datagen.release.identity_schema import IDENTITY_NAMES

__all__ = ["MethodLikeness", "likeness_by_method"]


class MethodLikeness(NamedTuple):
    """Similarities of the fakes of one method.

    Attributes:
        method: Name of the method.
        fakes: Number of fakes that were measured.
        target: Mean cosine similarity to the target.
        donor: Mean cosine similarity to the donor; ``None`` without donors.
        nearer: Share of the fakes that are nearer to the donor than to the target.
    """

    method: str
    fakes: int
    target: float
    donor: float | None
    nearer: float | None


def likeness_by_method(rows: pd.DataFrame) -> list[MethodLikeness]:
    """Return one entry for each method with measured fakes, by name.

    Args:
        rows: Rows of the manifest; empty is returned if it has no similarities.
    """
    if not set(IDENTITY_NAMES) <= set(rows.columns):
        return []
    found = []
    for name, own in rows[rows["similarity_target"].notna()].groupby("method"):
        given = own[own["similarity_donor"].notna()]
        nearer = given["similarity_donor"] > given["similarity_target"]
        found.append(
            MethodLikeness(
                str(name),
                len(own),
                float(own["similarity_target"].mean()),
                float(given["similarity_donor"].mean()) if len(given) else None,
                float(nearer.mean()) if len(given) else None,
            )
        )
    return found
